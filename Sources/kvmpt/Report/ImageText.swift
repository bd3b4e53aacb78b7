// ImageText: what every report says about the image it is about.

import GuestMem
import MMU
import Probe

enum ImageText {
  /// One line about the file, one about the registers.
  static func head(_ image: borrowing OpenedImage, _ styler: TextStyler) -> String {
    var modes: [String] = []
    if image.mode.isWriteProtectEnabled { modes.append("WP") }
    if image.tables.configuration.isNoExecuteEnabled { modes.append("NXE") }
    if image.mode.isSMEPEnabled { modes.append("SMEP") }
    if image.mode.isSMAPEnabled { modes.append("SMAP") }
    if image.mode.isPKEEnabled { modes.append("PKE") }
    return styler(PlainText.oneLine(image.path), .bold)
      + ": \(image.memory.format == .raw ? "raw memory" : "ELF core"), "
      + "\(ByteCountText.text(image.memory.byteCount)) in \(counted(image.memory.segments.count, "range"))\n"
      + "CR3 0x\(String(image.cr3, radix: 16)) from \(image.source), "
      + "\(image.tables.configuration.rootLevel.rawValue) levels, \(modes.joined(separator: " "))\n"
  }
}

/// Sizes that need not be a multiple of a unit.
enum ByteCountText {
  /// The number with its unit where one divides it, otherwise in KiB where that does.
  static func text(_ count: UInt64) -> String { "\(ByteCount(count))" }
}
