// Confinement: what keeps a test run with a mutant from harming the machine.
//
// A mutant may signal every process that it can see, or leave files. Where the machine lets it, a run
// gets process identifiers and a /tmp of its own, and ends with everything that it started.

import Foundation

struct Confinement: Sendable {
  /// The command before that of the run.
  let prefix: [String]

  static let namespaces = [
    "unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "--", "/bin/sh", "-c",
    // Where memory runs out, the run goes first.
    "echo 1000 > /proc/self/oom_score_adj; mount -t tmpfs -o size=6g tmpfs /tmp && \"$@\"; exit $?",
    "sh",
  ]

  /// The strongest that works here.
  static func best() -> Confinement {
    if let output = try? Command.run(namespaces[0], Array(namespaces.dropFirst()) + ["true"]),
      output.status == 0
    {
      return Confinement(prefix: namespaces)
    }
    say("no namespaces here: a mutant's run shares processes and /tmp with this machine")
    return Confinement(prefix: ["setsid"])
  }
}
