// ImageSource: where the memory is that a command names as its image.

import Inspection
import MMU

/// What the argument IMAGE names.
enum ImageSource {
  case file(String)
  /// A running QEMU: the path of its QMP socket, or HOST:PORT.
  case qemu(String)
  /// A debugger's stub: HOST:PORT, or the path of a socket.
  case debugger(String)
  /// Ranges of memory in several files.
  case pieces([MemoryPiece])

  /// For the help of the argument.
  static let help =
    "A memory image: an ELF core, a kdump, a LiME dump or raw memory;"
    + " qemu:SOCKET or gdb:HOST:PORT for a machine that runs; map:GPA=FILE,… for raw memory in pieces."

  /// True where `text` names no file.
  static func isScheme(_ text: String) -> Bool {
    ["qemu:", "gdb:", "map:"].contains { text.hasPrefix($0) }
  }

  /// Reads IMAGE.
  ///
  /// A file whose name starts like a scheme is named with `./` before it.
  init(_ text: String) throws(CommandFailure) {
    func rest(_ scheme: String) -> String? {
      text.hasPrefix(scheme) ? String(text.dropFirst(scheme.utf8.count)) : nil
    }
    if let address = rest("qemu:") {
      self = .qemu(address)
    } else if let address = rest("gdb:") {
      self = .debugger(address)
    } else if let pieces = rest("map:") {
      self = .pieces(try Self.pieces(pieces))
    } else {
      self = .file(text)
    }
  }

  /// `GPA=FILE[@OFFSET][+SIZE]`, separated by commas.
  private static func pieces(_ text: String) throws(CommandFailure) -> [MemoryPiece] {
    var pieces: [MemoryPiece] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let equals = part.firstIndex(of: "="),
        let address = number(part[..<equals]),
        let physical = try? GuestPhysicalAddress(address),
        part.index(after: equals) < part.endIndex
      else {
        throw CommandFailure(
          .usage, "\(quoted(String(part))) is no piece of memory",
          hint: "write map:GPA=FILE[@OFFSET][+SIZE],…, such as"
            + " map:0=low.bin,0x100000000=high.bin@0x80000000")
      }
      var path = part[part.index(after: equals)...]
      // From the end, and only where a number follows: names may have these characters.
      let size = takeNumber(behind: "+", of: &path)
      let offset = takeNumber(behind: "@", of: &path)
      pieces.append(
        MemoryPiece(
          physicalAddress: physical, path: String(path), offset: offset ?? 0, byteCount: size))
    }
    return pieces
  }

  private static func number(_ text: Substring) -> UInt64? {
    (try? PastedNumber.address(String(text)))?.value
  }

  private static func takeNumber(behind mark: Character, of path: inout Substring) -> UInt64? {
    guard let index = path.lastIndex(of: mark), index > path.startIndex,
      let value = number(path[path.index(after: index)...])
    else { return nil }
    path = path[..<index]
    return value
  }
}
