// FaultText: in words, how a reported error code fits the tables.

import GuestMem
import Inspection
import MMU
import Probe

/// The lines about a fault that was reported.
struct FaultText {
  let reported: PageFaultErrorCode
  let fault: ReportedFault
  let diagnosis: Diagnosis

  /// The stable name of how it fits.
  static func id(_ fault: ReportedFault) -> String {
    switch fault {
    case .fits: "fits"
    case .fitsWithoutPresent: "fits-without-present"
    case .fitsIf: "fits-if"
    case .notPaging: "not-paging"
    case .doesNotFit: "does-not-fit"
    }
  }

  func lines(in memory: borrowing MemoryImage) -> [String] {
    let code = "the reported error code \(reported.words)"
    switch fault {
    case .fits: return ["\(code) is the one that these tables give"]
    case .fitsWithoutPresent:
      return [
        "\(code) is the one that these tables give, without P: QEMU's emulator leaves P out of the "
          + "code of a fault by reserved bits"
      ]
    case .fitsIf(let assumptions):
      var lines: [String] = []
      for (index, assumption) in assumptions.enumerated() {
        lines.append(
          "\(index == 0 ? code : "or it") fits if \(assumption.sentence) (\(assumption.option))")
        let changed = assumption.applied(to: diagnosis.question)
        let blame = changed.walk(in: memory).explain(
          changed.access, mode: changed.mode, configuration: changed.tables.configuration
        ).blame
        if let blame { lines.append("  then \(blame.sentence)") }
      }
      return lines
    case .notPaging(let bits): return notPagingLines(code, bits)
    case .doesNotFit:
      let isMapped = diagnosis.walk.translation != nil && !reported.contains(.present)
      return [
        "\(code) is not what these tables give"
          + (isMapped ? ", by which the address is mapped now" : "")
          + ": they have changed since, or the TLB held an older translation"
      ]
    }
  }

  /// What else than the rights of the tables refused the access.
  ///
  /// Source: Intel SDM volume 3A, section 5.7 (SS, HLAT, SGX); AMD APM volume 2, section 8.4.2 (RMP).
  private func notPagingLines(_ code: String, _ bits: PageFaultErrorCode) -> [String] {
    var lines: [String] = []
    if bits.contains(.shadowStack) {
      let page = diagnosis.walk.translation
      let isShadowStack = page.map { !$0.leaf.isWritable && $0.leaf.isDirty } ?? false
      lines.append(
        "\(code) has SS: a shadow-stack access (CET) faulted, which needs a page that is not writable "
          + "and dirty in its leaf and writable above; "
          + (page == nil
            ? "no page is mapped here"
            : isShadowStack ? "this leaf is one" : "this page is none")
          + ". No older translation explains that")
    }
    if bits.contains(.softwareGuard) {
      lines.append(
        "\(code) has SGX: the access broke a rule of an enclave's page cache, which no table says; "
          + "the tables and older translations are not the cause")
    }
    if bits.contains(.reverseMap) {
      lines.append(
        "\(code) has RMP: the reverse map table of SEV-SNP refused the physical page, which belongs "
          + "to somebody else or has another size there; the tables and older translations are not "
          + "the cause")
    }
    if bits.contains(.hypervisorManaged) {
      lines.append(
        "\(code) has HLAT: the hypervisor's own tables for this address have no translation; the "
          + "guest's tables and older translations are not the cause")
    }
    return lines
  }
}
