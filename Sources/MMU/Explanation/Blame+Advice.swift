// Blame+Advice: what to change so that the rule no longer stops the access.

extension Blame {
  /// What to change, in one line, so that `access` in `mode` is no longer stopped by this.
  func advice(for access: Access, mode: CPUMode) -> String {
    guard let step else {
      return switch rule {
      case .tableOutsideMemoryIsNotPresent: "load CR3 with the address of a table in memory"
      case .canonical57BitAddress: "use an address whose bits 63:57 repeat bit 56"
      default: "use an address whose bits 63:48 repeat bit 47"
      }
    }
    let place = step.place
    let named = namedBits(bits)
    switch rule {
    case .presentInPTE, .presentInPDE, .presentInPDPTE, .presentInPML4E, .presentInPML5E:
      guard !step.entry.isLeaf, let lower = step.level.lower else {
        return "set bit 0 (P) in \(place)"
      }
      return "set bit 0 (P) in \(place), and let it point at a \(lower.abbreviation)"
    case .readWriteInPTE, .readWriteInPDE, .readWriteInPDPTE, .readWriteInPML4E,
      .readWriteInPML5E:
      return "set bit 1 (R/W) in \(place)"
        + (isSupervisorMode(access, mode) ? "; or clear CR0.WP" : "")
    case .userSupervisorInPTE, .userSupervisorInPDE, .userSupervisorInPDPTE,
      .userSupervisorInPML4E, .userSupervisorInPML5E:
      return "set bit 2 (U/S) in \(place)"
    case .noExecuteInPTE, .noExecuteInPDE, .noExecuteInPDPTE, .noExecuteInPML4E,
      .noExecuteInPML5E:
      return "clear bit 63 (XD) in \(place)"
    case .noExecuteReservedInPTE, .noExecuteReservedInPDE, .noExecuteReservedInPDPTE,
      .noExecuteReservedInPML4E, .noExecuteReservedInPML5E:
      return "clear bit 63 (XD) in \(place); or set IA32_EFER.NXE"
    case .tableOutsideMemoryIsNotPresent:
      return "let \(place) point at a table in memory"
    case .pageSizeReservedInPDPTE:
      return "clear bit 7 (PS) in \(place), and let it point at a PD"
    case .smepStopsSupervisorFetch:
      return "clear bit 2 (U/S) in \(place); or clear CR4.SMEP"
    case .smapStopsSupervisorRead, .smapStopsSupervisorWrite:
      return "clear bit 2 (U/S) in \(place)"
        + (access.origin == .implicitSupervisor ? "" : "; or set EFLAGS.AC")
        + "; or clear CR4.SMAP"
    case .userKeyAccessDisable, .supervisorKeyAccessDisable, .userKeyWriteDisable,
      .supervisorKeyWriteDisable:
      return keyAdvice(step, access: access, mode: mode)
    default:
      return "clear \(named) in \(place)"
    }
  }

  /// Names AD and WD together where a write is stopped by both.
  private func keyAdvice(_ step: WalkStep, access: Access, mode: CPUMode) -> String {
    let lowest = Int(step.entry.protectionKey) * 2
    let register = isUserKey ? mode.pkru : mode.pkrs
    let isWriteBound = !isSupervisorMode(access, mode) || mode.isWriteProtectEnabled
    let stopping: UInt32 = access.kind == .write && isWriteBound ? 0b11 : 0b01
    let bits = register >> UInt32(lowest) & stopping
    let flags = ["", "AD", "WD", "WD and AD"][Int(bits)]
    return "clear \(namedBits(UInt64(bits) << UInt64(lowest))) (\(flags)) in \(keyRegister); "
      + "or put another key into bits 62:59 of \(step.place)"
  }

  private func isSupervisorMode(_ access: Access, _ mode: CPUMode) -> Bool {
    !AccessRights(access, mode: mode, rules: EveryRule()).isUserMode
  }
}
