"""`python -m modelc` is the `modelc` command."""

import sys

from modelc.cli.main import main

sys.exit(main())
