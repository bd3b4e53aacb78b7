// HostileCalls: the public surface, called with values that no friendly caller passes.
//   swift run HostileCalls [--count CALLS] [--seed SEED]
//   swift run HostileCalls --surface FOLDER
//
// Calls are made in a child process, so that one that traps or hangs is named and the others go on.
// Ends with 0 when none did, and no report claimed agreement for what nobody executed. With
// --surface it makes no calls: it holds the symbol graphs of the libraries in the folder against the
// calls, and ends with 1 when a public function, initializer or subscript is in none.

import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "--child", arguments.count == 4, let seed = UInt64(arguments[1]),
  let first = Int(arguments[2]), let end = Int(arguments[3])
{
  makeCalls(seed: seed, first..<max(first, end))
  exit(0)
}
guard let request = HostileRequest(arguments) else {
  print("usage: HostileCalls [--count CALLS] [--seed SEED] | --surface FOLDER")
  exit(64)
}
switch request {
case .surface(let folder):
  let check = SurfaceCheck(folder: folder)
  for line in check.lines { print(line) }
  exit(check.isWhole ? 0 : 1)
case .calls(let count, let seed):
  let report = CallReport(callCount: count, seed: seed)
  for line in report.lines { print(line) }
  exit(report.isClean ? 0 : 1)
}
