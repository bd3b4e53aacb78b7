// A place for the suite of KVM.

import Testing
