// BaselineFile: the rules expected of each kind of machine, as the program carries them or as a file
// says. Schemas/baseline.schema.json describes it.

import KVM
import Probe

/// Reads and writes baselines.
enum BaselineFile {
  static let schema = "urn:kvmpt:schema:baseline:1"

  /// The baseline that is part of the program.
  static func builtIn() throws(CommandFailure) -> Baseline {
    try read(PackageResources.baseline_json, path: "the built-in baseline")
  }

  /// The baseline in the file at `path`, or the program's own for nil.
  static func read(path: String?) throws(CommandFailure) -> Baseline {
    guard let path else { return try builtIn() }
    return try read(ResultFile.bytes(of: path), path: path)
  }

  /// The baseline in `bytes`.
  static func read(_ bytes: [UInt8], path: String) throws(CommandFailure) -> Baseline {
    let file = try ResultFile(bytes, path: path, schema: schema, hasVersion: false)
    try file.refuseMembers(of: file.tree, besides: ["schema", "machines"], at: "")
    let elements = try file.require(file.tree["machines"]?.elements, "machines")
    var machines: [BaselineMachine] = []
    for (index, tree) in elements.enumerated() {
      let machine = try file.baselineMachine(tree, at: "machines[\(index)]")
      let isKnown = machines.contains {
        $0.walker == machine.walker && $0.hostProcessor == machine.hostProcessor
      }
      if isKnown { throw file.failure("machines[\(index)]", "it comes twice") }
      machines.append(machine)
    }
    return Baseline(machines: machines)
  }

  /// Writes a baseline.
  static func write(_ baseline: Baseline, to destination: ReportDestination) {
    var json = JSONWriter(to: destination)
    json.beginObject()
    json.member("schema", schema)
    json.key("machines")
    json.beginArray()
    for machine in baseline.machines {
      json.beginObject()
      json.member("walker", machine.walker.rawValue)
      json.member("host-processor", machine.hostProcessor.rawValue)
      if let versions = machine.versions { write(versions, &json) }
      json.member("source", machine.source)
      json.key("rules")
      json.beginArray()
      for rule in machine.rules {
        json.beginObject()
        MachineProfileJSON.writeMembers(of: rule.rule, to: &json)
        write(rule.versions, &json)
        json.member("source", rule.source)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  private static func write(
    _ versions: ClosedRange<ReleaseNumber>, _ json: inout JSONWriter<ReportDestination>
  ) {
    json.key("versions")
    json.beginObject()
    json.member("first", versions.lowerBound.description)
    json.member("last", versions.upperBound.description)
    json.endObject()
  }
}

extension ResultFile {
  fileprivate func baselineMachine(
    _ tree: JSONTree, at place: String
  ) throws(CommandFailure) -> BaselineMachine {
    try refuseMembers(
      of: tree, besides: ["walker", "host-processor", "versions", "source", "rules"], at: place)
    var rules: [BaselineRule] = []
    let elements = try require(tree["rules"]?.elements, place + ".rules")
    for (index, element) in elements.enumerated() {
      let place = "\(place).rules[\(index)]"
      try refuseMembers(
        of: element, besides: ["id", "message", "when", "effect", "versions", "source"], at: place)
      let rule = try rule(element, at: place)
      if rules.contains(where: { $0.rule == rule }) { throw failure(place, "it comes twice") }
      rules.append(
        BaselineRule(
          rule: rule, versions: try versions(element["versions"], at: place + ".versions"),
          source: try require(text(element["source"]), place + ".source")))
    }
    let walker = try require(
      tree["walker"]?.text.flatMap(TableWalker.init(rawValue:)), place + ".walker")
    return BaselineMachine(
      walker: walker,
      hostProcessor: try require(
        tree["host-processor"]?.text.flatMap(HostProcessor.init(rawValue:)),
        place + ".host-processor"), rules: rules,
      versions: tree["versions"] == nil && rules.isEmpty
        ? nil : try versions(tree["versions"], at: place + ".versions"),
      source: try require(text(tree["source"]), place + ".source"))
  }

  private func text(_ tree: JSONTree?) -> String? {
    tree?.text.flatMap { $0.isEmpty ? nil : $0 }
  }

  private func versions(
    _ tree: JSONTree?, at place: String
  ) throws(CommandFailure) -> ClosedRange<ReleaseNumber> {
    let first = try require(tree?["first"]?.text.flatMap(ReleaseNumber.init(text:)), place)
    let last = try require(tree?["last"]?.text.flatMap(ReleaseNumber.init(text:)), place)
    guard first <= last else { throw failure(place, "the first comes behind the last") }
    return first...last
  }
}
