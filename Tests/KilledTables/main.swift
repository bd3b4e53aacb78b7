// KilledTables: threads change tables in memory that another process sees, until that process kills this
// one. It ends by itself only when something is wrong, with a code of its own for each cause.

import TestSupport

let seed = CommandLine.arguments.dropFirst().first.flatMap { UInt64($0) } ?? 0
let changer = TableChanger()
changer.announce()
withThreads(4) { thread in
  if thread == 3 { changer.answerRequests() }
  changer.change(seed: seed &* 16 &+ UInt64(thread))
}
