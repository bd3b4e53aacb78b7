// What a report calls that which the machine did.

import KVM
import MMU
import Testing

@testable import Probe

@Suite("An outcome is named as the manual names it")
struct OutcomeWordsTests {
  @Test("Exceptions have the manual's names, and numbers where it has none")
  func exceptions() {
    let names: [(UInt8, String)] = [
      (0, "#DE"), (6, "#UD"), (8, "#DF"), (12, "#SS"), (13, "#GP"), (14, "#PF"), (17, "#AC"),
      (21, "#CP"), (22, "vector 22"), (255, "vector 255"),
    ]
    for (vector, name) in names {
      let words = ProbeOutcome.exception(vector: vector, errorCode: 0x1a).words
      #expect(words == "\(name), error code 0x1a")
    }
  }
}
