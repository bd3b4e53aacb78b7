// A place for the suite of GuestMem.

import Testing
