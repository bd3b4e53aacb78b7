// FuzzImages: hostile memory images by the million. Build it with the address sanitizer:
//   ASAN_OPTIONS=quarantine_size_mb=16 swift run -c release --sanitize address FuzzImages 1000000

import Glibc
import TestImages

let arguments = CommandLine.arguments
let imageCount = arguments.count > 1 ? Int(arguments[1]) ?? 10_000 : 10_000
let seed = arguments.count > 2 ? UInt64(arguments[2]) ?? 1 : 1
var images = HostileImage(seed: seed)
var itemCount = 0
var slowest = Duration.zero
let start = ContinuousClock.now
for index in 0..<imageCount {
  let bytes = images.next()
  let begin = ContinuousClock.now
  itemCount += HostileImage.look(at: bytes, isFiveLevel: index % 3 == 0)
  slowest = max(slowest, ContinuousClock.now - begin)
}
// Linux gives the largest resident set in KiB, getrusage(2).
var usage = rusage()
_ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
print(
  "\(imageCount) images, \(itemCount) items, seed \(seed), \(ContinuousClock.now - start), "
    + "slowest \(slowest), at most \(usage.ru_maxrss / 1024) MiB")
