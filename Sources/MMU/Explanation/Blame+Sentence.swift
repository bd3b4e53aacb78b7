// Blame+Sentence: the blame in words.

extension Blame {
  /// What is wrong, in one sentence without a full stop.
  public var sentence: String {
    guard let step else {
      return switch rule {
      case .canonicalAddress(.bits48): "the address is not canonical: bits 63:47 are not all equal"
      case .canonicalAddress(.bits57): "the address is not canonical: bits 63:56 are not all equal"
      case .tableOutsideMemoryIsNotPresent: "CR3 points at a table where no memory is"
      default: rule.title
      }
    }
    let place = step.place
    let verb = bits.nonzeroBitCount == 1 ? "is" : "are"
    switch rule {
    case .present:
      return "bit 0 (P) is clear in \(place)"
    case .readWrite:
      return "bit 1 (R/W) is clear in \(place)"
    case .userSupervisor:
      return "bit 2 (U/S) is clear in \(place)"
    case .noExecute:
      return "bit 63 (XD) is set in \(place)"
    case .noExecuteReserved:
      return "bit 63 (XD) is set in \(place), where it is reserved because IA32_EFER.NXE is clear"
    case .unimplementedAddress:
      return "\(namedBits(bits)) \(verb) set in \(place), beyond the processor's MAXPHYADDR"
    case .lowAddressReserved:
      let size = step.level == .pageDirectory ? "2 MiB" : "1 GiB"
      return "\(namedBits(bits)) \(verb) set in \(place), but a page there starts at a multiple of "
        + size
    case .pageSizeReserved(at: .pageDirectoryPointerTable):
      return "bit 7 (PS) is set in \(place), where it is reserved because there are no 1 GiB pages"
    case .pageSizeReserved, .bit8Reserved:
      return "\(namedBits(bits)) is set in \(place), where it is reserved"
    case .tableOutsideMemoryIsNotPresent:
      let table = String(step.entry.tableAddress.rawValue, radix: 16)
      return "no memory is at 0x\(table), the table that \(place) points at"
    case .smepStopsSupervisorFetch:
      return "\(place) maps a user page, and CR4.SMEP is set"
    case .smapStopsSupervisorRead, .smapStopsSupervisorWrite:
      return "\(place) maps a user page, and CR4.SMAP is set"
    case .userKeyAccessDisable, .supervisorKeyAccessDisable:
      return
        "\(keyRegister) forbids accesses by key \(step.entry.protectionKey), the key of \(place)"
    case .userKeyWriteDisable, .supervisorKeyWriteDisable:
      return "\(keyRegister) forbids writes by key \(step.entry.protectionKey), the key of \(place)"
    default:
      return rule.title
    }
  }

  /// The rule is about the key of a user-mode address.
  var isUserKey: Bool { rule == .userKeyAccessDisable || rule == .userKeyWriteDisable }

  /// The register that holds the rights of the key.
  var keyRegister: String { isUserKey ? "PKRU" : "IA32_PKRS" }
}
