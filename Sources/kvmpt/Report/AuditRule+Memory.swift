// Which rules need all mappings of memory.

import MMU

extension AuditRule {
  /// True when the rule compares mappings of the same memory, of which there may be too many.
  var isAboutMemoryMappedTwice: Bool {
    switch self {
    case .supervisorTextWritableAlias, .tableMappedWritable, .tableMappedUser,
      .largePageMemoryTypes, .leafBeyondMemory:
      true
    default: false
    }
  }
}
