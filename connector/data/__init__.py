"""What is offered, and where its bytes come from: catalogue, drafts, approvals, imports, copies of others, data plane.

It may import `identity` and what lies below.
"""
