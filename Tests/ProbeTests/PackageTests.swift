// A place for the suite of Probe.

import Testing
