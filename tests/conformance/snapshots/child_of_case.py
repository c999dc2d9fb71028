"""What a process runs that a test of cloudpickle's starts: see `cloudpickle_stand_in.py`."""

import sys

import cloudpickle_stand_in

cloudpickle_stand_in.run_child(sys.argv[1:])
