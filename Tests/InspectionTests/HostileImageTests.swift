// A share of the images that the fuzz target (folder Fuzz) tries by the million.

import TestImages
import TestSupport
import Testing

@Suite("Hostile images are refused or read, and nothing else happens")
struct HostileImageTests {
  @Test("Random images, cut off, looped and with lying headers, end without a crash")
  func images() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed): repeat with 'swift run -c release FuzzImages 500 \(seed)'")
    var images = HostileImage(seed: seed)
    var itemCount = 0
    for index in 0..<TestSetting.depth(120, full: 500) {
      itemCount += HostileImage.look(at: images.next(), isFiveLevel: index % 3 == 0)
    }
    #expect(itemCount > 500, "hardly any image was readable, seed \(seed)")
  }
}
