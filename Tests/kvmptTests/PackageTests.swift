// A place for the suite of kvmpt.

import Testing
