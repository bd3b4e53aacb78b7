// A place for the suite of MMU.

import Testing
