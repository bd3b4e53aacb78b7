// ImageText: what every report says about the image it is about.

import GuestMem
import Inspection
import MMU
import Probe

enum ImageText {
  /// One line about the file, one about the registers, and one about what is assumed.
  static func head(_ image: borrowing OpenedImage, _ styler: TextStyler) -> String {
    var parts = [rootWords(image)]
    var modes: [String] = []
    let assumed = image.assumptions
    if !assumed.contains(.levels) {
      parts.append("\(image.tables.configuration.rootLevel.rawValue) levels")
    }
    // What is known is said whether it is set or not where the manual's default is to have it.
    func add(_ name: String, _ isOn: Bool, saysOff: Bool = false) {
      if isOn { modes.append(name) } else if saysOff { modes.append("no " + name) }
    }
    let configuration = image.tables.configuration
    for control in AccessControl.allCases where control.isBit {
      if !assumed.isAbout(control) {
        add(control.name, image.mode.controls[control] != 0, saysOff: control == .writeProtect)
      }
      if control == .writeProtect && !assumed.contains(.noExecute) {
        add("NXE", configuration.isNoExecuteEnabled, saysOff: true)
      }
    }
    if !assumed.contains(.physicalAddressWidth) {
      parts.append("MAXPHYADDR \(configuration.physicalAddressWidth)")
    }
    if !assumed.contains(.gibibytePages) {
      parts.append("\(configuration.supports1GiBPages ? "" : "no ")1 GiB pages")
    }
    if !modes.isEmpty { parts.append(modes.joined(separator: " ")) }
    let words = assumed.words(of: image)
    return styler(PlainText.oneLine(image.path), .bold)
      + ": \(image.machine?.words ?? image.memory.format.words), "
      + "\(ByteCountText.text(image.memory.byteCount)) in \(counted(image.memory.segments.count, "range"))\n"
      + parts.joined(separator: ", ") + "\n"
      + (words.isEmpty ? "" : "assumed: \(words.joined(separator: ", "))\n")
  }

  /// CR3 with what its low bits say: PCID where CR4.PCIDE is set, as far as that is known.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.2 (table 5-12 and 5-13, the formats of CR3).
  private static func rootWords(_ image: borrowing OpenedImage) -> String {
    var text = "CR3 0x\(String(image.cr3, radix: 16)) from \(image.source)"
    let low = image.cr3 & 0xfff
    let root = "the root is 0x\(String(image.tables.rootAddress.rawValue, radix: 16))"
    if low != 0 {
      let hasPCID = image.processor.map { $0.cr4 & 1 << 17 != 0 }
      switch hasPCID {
      case true?: text += " (\(root), the PCID 0x\(String(low, radix: 16)))"
      case false?: text += " (\(root); CR4.PCIDE is clear, so bits 11:0 are no PCID)"
      case nil:
        text += " (\(root); bits 11:0 are the PCID 0x\(String(low, radix: 16)) with CR4.PCIDE)"
      }
    } else if image.cr3 >> 52 != 0 {
      text += " (\(root))"
    }
    return text
  }
}

/// Sizes that need not be a multiple of a unit.
enum ByteCountText {
  /// The number with its unit where one divides it, otherwise in KiB where that does.
  static func text(_ count: UInt64) -> String { "\(ByteCount(count))" }
}

extension MemoryImage.Format {
  /// The name.
  var words: String {
    switch self {
    case .elfCore: "ELF core"
    case .raw: "raw memory"
    case .pieces: "raw memory in pieces"
    case .lime: "LiME dump"
    case .kdump: "kdump"
    case .qemu: "memory of QEMU"
    case .debugger: "memory behind a stub"
    }
  }
}

extension JSONWriter {
  /// Writes what neither the image nor an option says, as every report about an image has it.
  mutating func member(assumed words: [String]) {
    key("assumed")
    beginArray()
    for word in words { value(word) }
    endArray()
  }
}
