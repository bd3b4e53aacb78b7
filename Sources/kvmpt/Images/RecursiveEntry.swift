// RecursiveEntry: the root entry of an image that leads to the root.

import GuestMem
import Inspection
import MMU
import Probe

/// What an image has of recursive slots.
enum RecursiveEntry {
  /// No root entry leads to the root.
  case none
  /// One does, and an address-space file can say how.
  case slot(RecursiveSlot)
  /// One or more do, and no file can say it, for this reason: their pages are mappings.
  case unsayable(String)

  /// Looks at the 512 root entries of an image.
  init(_ image: borrowing OpenedImage) {
    let root = image.tables.rootAddress.rawValue
    let level = image.tables.configuration.rootLevel
    var found: [(index: Int, entry: PageTableEntry)] = []
    for index in 0..<512 {
      let place = GuestPhysicalAddress(truncating: root &+ UInt64(index) &* 8)
      guard let word = image.memory.loadWord(at: place) else { continue }
      let entry = PageTableEntry(word, at: level)
      guard entry.tableAddress.rawValue == root,
        image.tables.kind(of: entry, in: image.memory) == .table
      else { continue }
      found.append((index, entry))
    }
    guard let (index, entry) = found.first else {
      self = .none
      return
    }
    typealias Bit = PageTableEntry.Bit
    let sayable =
      Bit.present | Bit.readWrite | Bit.noExecute | Bit.accessed | Bit.dirty | Bit.address
    if found.count > 1 {
      self = .unsayable("\(counted(found.count, "root entry", "root entries")) lead to the root")
    } else if entry.isUserAccessible {
      self = .unsayable("CPL 3 can use root entry \(index), which leads to the root")
    } else if entry.rawValue & ~sayable != 0 {
      self = .unsayable(
        "root entry \(index), which leads to the root, has bits"
          + " \(HexadecimalNumber(entry.rawValue & ~sayable))")
    } else {
      var rights: PageRights = [.read]
      if entry.isWritable { rights.insert(.write) }
      if !entry.isNoExecute { rights.insert(.execute) }
      self = .slot(RecursiveSlot(index: index, rights: rights))
    }
  }

  /// The slot that a file can say.
  var slot: RecursiveSlot? {
    if case .slot(let slot) = self { slot } else { nil }
  }

  /// A line about what the file says in place of a slot; none where nothing is to be said.
  var comment: String? {
    if case .unsayable(let reason) = self {
      "No recursive slot: \(reason). The tables that it shows are mappings."
    } else {
      nil
    }
  }
}
