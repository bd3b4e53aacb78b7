// PageProperties, description: one line, for messages of tests and debuggers.

extension PageProperties: CustomStringConvertible {
  /// The rights as letters, what is set, the memory type, and numbers that are not 0.
  public var description: String {
    var words = [
      (rights.contains(.read) ? "r" : "-") + (rights.contains(.write) ? "w" : "-")
        + (rights.contains(.execute) ? "x" : "-")
    ]
    if isUser { words.append("user") }
    if isGlobal { words.append("global") }
    if isAccessed { words.append("accessed") }
    if isDirty { words.append("dirty") }
    words.append("\(memoryType)")
    if protectionKey != 0 { words.append("key \(protectionKey)") }
    if softwareBits != 0 { words.append("software \(hexadecimal(UInt64(softwareBits)))") }
    return words.joined(separator: " ")
  }
}
