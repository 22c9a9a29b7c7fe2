"""How we stand against programs of others: `hanse conformance dsp|edc`.

`dsp` runs the official kit of the Dataspace Protocol against a connector started for it, `edc` plays scenarios with
live Eclipse EDCs. Exit codes: 0 complete and green, 1 anything failed or the run was incomplete, 77 skipped because
something needed is missing; never 0 then.
"""
