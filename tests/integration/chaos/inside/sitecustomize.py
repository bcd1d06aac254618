"""Read by every Python process that a chaos run starts with this folder in PYTHONPATH: the seams of the harness.

`CHAOS_CLOCK` names a file with the seconds by which this host's clock is wrong; `CHAOS_MUTANT` breaks the code on
purpose; `CHAOS_STALL` lets a process hang once at a failpoint. Nothing of it is in the product.
"""

import os

if "CHAOS_CLOCK" in os.environ:
    import chaos_clock

    chaos_clock.install(os.environ["CHAOS_CLOCK"])
if "CHAOS_MUTANT" in os.environ:
    import chaos_mutants

    chaos_mutants.install(os.environ["CHAOS_MUTANT"])
if "CHAOS_STALL" in os.environ:
    import chaos_stall

    chaos_stall.install(os.environ["CHAOS_STALL"])
