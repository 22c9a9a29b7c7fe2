"""`python -m tests.conformance.replicas`: the official kit against two processes on one PostgreSQL at one address.

Ends with the exit code of `hanse conformance dsp`, whose arguments may follow.
"""

import os
import sys

from connector.cli.main import main
from tests.postgres import running_cluster

if __name__ == "__main__":
    with running_cluster() as cluster, cluster.database() as urls:
        environ = {**os.environ, "HANSE_DATABASE__WORKER_URL": urls.worker}
        argv = ["conformance", "dsp", "--replicas", "2", "--database", urls.app, *sys.argv[1:]]
        code = main(argv, environ)
    sys.exit(code)
