// Which effects would explain an answer: those that say exactly what differs, and the vague ones after.

import MMU
import Testing

@testable import Probe

@Suite("An effect is a candidate where it says what the machine did")
struct EffectCandidateTests {
  @Test("missing and further bits of an error code, for every pair of codes of three bits")
  func errorCodes() {
    let vague: [DeviationEffect] = [.faultsAsNotPresent, .faultsAnyhow]
    for expected in 0..<8 as Range<UInt32> {
      for code in 0..<8 as Range<UInt32> {
        let modelled = AccessOutcome.pageFault(PageFaultErrorCode(rawValue: expected))
        let missing = expected & ~code
        let extra = code & ~expected
        var wanted: [DeviationEffect] = []
        if extra == 0 { wanted.append(.errorCodeLacks(missing)) }
        if missing == 0 { wanted.append(.errorCodeHas(extra)) }
        let candidates = DeviationEffect.candidates(for: .pageFault(code), insteadOf: modelled)
        #expect(candidates == wanted + vague, "\(expected) \(code)")
        // Each that says bits allows the answer.
        let subject = DeviationSubject(
          Access(.read), form: .plain, privilege: .supervisor, end: .refused,
          rootLevel: .pageMapLevel4)
        for effect in wanted {
          #expect(effect.allows(.pageFault(code), insteadOf: modelled, subject))
        }
      }
    }
  }

  @Test("of what explains nothing there is no candidate")
  func others() {
    let modelled = AccessOutcome.generalProtection
    #expect(DeviationEffect.candidates(for: .success, insteadOf: modelled) == [.succeeds])
    #expect(
      DeviationEffect.candidates(for: .pageFault(5), insteadOf: modelled)
        == [.faultsAsNotPresent, .faultsAnyhow])
  }
}
