// Machine profiles, read again.

import Probe

extension ResultFile {
  /// Reads the machine profile at `path`.
  static func machineProfile(at path: String) throws(CommandFailure) -> MachineProfile {
    try ResultFile(path: path, schema: MachineProfileJSON.schema).machineProfile()
  }

  /// The machine with its rules, each of which explains cases, and which no case contradicts.
  func machineProfile() throws(CommandFailure) -> MachineProfile {
    try refuseMembers(of: tree, besides: ["schema", "version", "machine", "rules"], at: "")
    var profile = try machine()
    for (index, tree) in try require(tree["rules"]?.elements, "rules").enumerated() {
      let place = "rules[\(index)]"
      try refuseMembers(
        of: tree, besides: ["id", "message", "when", "effect", "cases", "contradictions"],
        at: place)
      let rule = try rule(tree, at: place)
      _ = try count(tree["cases"], place + ".cases", least: 1)
      guard try count(tree["contradictions"], place + ".contradictions") == 0 else {
        throw failure(
          place + ".contradictions", "in cases that the rule covers the machine follows the manual")
      }
      guard !profile.deviations.contains(rule) else { throw failure(place, "it comes twice") }
      profile.deviations.append(rule)
    }
    return profile
  }
}
