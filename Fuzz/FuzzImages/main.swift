// FuzzImages: hostile memory images by the million. Build it with the address sanitizer:
//   ASAN_OPTIONS=quarantine_size_mb=16 swift run -c release --sanitize address FuzzImages 1000000

import Glibc
import GuestMem
import Inspection
import MMU
import Probe
import TestImages

/// Loads, plans and predicts the proof of an image, without a machine; the number of probes.
func prove(_ bytes: [UInt8]) -> Int {
  guard let image = try? MemoryImage(bytes: bytes), let configuration = try? PagingConfiguration(),
    let report = try? Verifier.modelOnly.verify(
      image,
      ImageQuestion(
        cr3: image.processors.first?.cr3 ?? 0, configuration: configuration,
        settings: ProcessorSettings()))
  else { return 0 }
  return report.total.probeCount
}

let arguments = CommandLine.arguments
let imageCount = arguments.count > 1 ? Int(arguments[1]) ?? 10_000 : 10_000
let seed = arguments.count > 2 ? UInt64(arguments[2]) ?? 1 : 1
var images = HostileImage(seed: seed)
var itemCount = 0
var probeCount = 0
var slowest = Duration.zero
let start = ContinuousClock.now
for index in 0..<imageCount {
  let bytes = images.next()
  let begin = ContinuousClock.now
  itemCount += HostileImage.look(at: bytes, isFiveLevel: index % 3 == 0)
  // A plan may have a million probes: of these images some are enough.
  if index % 64 == 0 { probeCount += prove(bytes) }
  slowest = max(slowest, ContinuousClock.now - begin)
}
// Linux gives the largest resident set in KiB, getrusage(2).
var usage = rusage()
_ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
print(
  "\(imageCount) images, \(itemCount) items, \(probeCount) probes, seed \(seed), \(ContinuousClock.now - start), "
    + "slowest \(slowest), at most \(usage.ru_maxrss / 1024) MiB")
