// AskedAccess: which access an explanation is about, by what was given and by QEMU's note.

import GuestMem
import Inspection
import MMU

/// An access, with where each part of it comes from.
struct AskedAccess {
  let address: UInt64
  var access: Access
  let privilege: PrivilegeLevel
  /// The access is that of the note's fault, and nothing says what was done.
  let isKindGuessed: Bool
  /// The registers that parts of it were taken from, as a line; empty where none was.
  let noteLine: String

  /// A push stores at most this far below RSP, as the code that probes the stack does.
  private static let pushDistance: UInt64 = 256

  /// Puts together what was given, what an error code says, and what the note says.
  ///
  /// - Throws: ``CommandFailure`` when there is no address.
  init(
    address given: UInt64?, access kind: AccessKind?, cpl: Int?, reported: PageFaultErrorCode?,
    note: ImageProcessor?, path: String
  ) throws(CommandFailure) {
    guard let address = given ?? note?.cr2 else {
      throw CommandFailure(
        .usage, "\(quoted(path)) does not say which address faulted",
        hint: "give an address, or --cr2")
    }
    self.address = address
    // The note is about the last fault: about this access when the address is that fault's.
    let fault = note.flatMap { $0.cr2 == address ? $0 : nil }
    let isFetch = fault?.instructionPointer == address
    let isPush =
      fault.map { $0.stackPointer > address && $0.stackPointer - address <= Self.pushDistance }
      ?? false
    isKindGuessed = reported == nil && kind == nil && !isFetch && !isPush && fault != nil
    if let reported {
      // A fetch is not said while IA32_EFER.NXE and CR4.SMEP are clear.
      let isSaid = reported.contains(.instructionFetch)
      access = Access(
        isSaid || isFetch && !reported.contains(.write)
          ? .fetch : reported.contains(.write) ? .write : .read)
      privilege = reported.contains(.user) ? .user : .supervisor
    } else {
      access = Access(kind ?? (isFetch ? .fetch : isPush ? .write : .read))
      privilege = cpl.map { $0 == 3 ? .user : .supervisor } ?? note?.privilege ?? .supervisor
    }
    guard let note else {
      noteLine = ""
      return
    }
    func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
    noteLine =
      "note: CR2 \(hexadecimal(note.cr2)), CPL \(note.currentPrivilegeLevel), "
      + "RIP \(hexadecimal(note.instructionPointer)), RSP \(hexadecimal(note.stackPointer))\n"
  }

  /// An access that faulted, where nothing says what it was: the first kind that fails.
  mutating func guessKind(
    in mode: CPUMode, _ tables: PageTables, _ memory: borrowing MemoryImage
  ) {
    guard isKindGuessed else { return }
    let failing = AccessKind.allCases.first { kind in
      let question = AccessQuestion(address, Access(kind), mode: mode, tables: tables)
      if case .success = question.outcome(in: memory) { return false }
      return true
    }
    access = Access(failing ?? .read)
  }
}

extension ImageProcessor {
  /// The privilege of the running code.
  var privilege: PrivilegeLevel { currentPrivilegeLevel == 3 ? .user : .supervisor }
}
