"""`python -m policyd` is `policyd`."""

from policyd.cli import main

raise SystemExit(main())
