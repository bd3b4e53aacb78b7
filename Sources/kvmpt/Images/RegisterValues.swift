// RegisterValues: registers that count in place of those of an image.

import Inspection
import MMU

/// Registers that the command line gives in place of those of an image.
struct RegisterValues {
  /// Those that it gives.
  private var values: [AccessControl: UInt64] = [:]

  subscript(_ control: AccessControl) -> UInt64? {
    get { values[control] }
    set { values[control] = newValue }
  }
}
