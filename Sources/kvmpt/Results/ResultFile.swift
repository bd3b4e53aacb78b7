// ResultFile: reports, machine profiles and baselines that this program wrote, read again.

import KVM
import MMU
import Probe

/// Why a result file cannot be used.
struct ResultFileError: Error {
  let path: String
  let reason: String

  var failure: CommandFailure {
    CommandFailure(
      .badInput, "cannot use \(quoted(path)): \(reason)",
      hint: "give a file that this version of kvmpt wrote")
  }
}

/// A JSON file that this program wrote.
struct ResultFile {
  let path: String
  let tree: JSONTree

  private static let byteLimit = 256 << 20

  /// Reads a file whose `schema` member is `schema`.
  init(path: String, schema: String) throws(CommandFailure) {
    try self.init(Self.bytes(of: path), path: path, schema: schema)
  }

  /// Takes the bytes of a file whose `schema` member is `schema`.
  init(
    _ bytes: [UInt8], path: String, schema: String, hasVersion: Bool = true
  ) throws(CommandFailure) {
    self.path = path
    do throws(JSONSyntaxError) {
      var reader = JSONReader(bytes)
      tree = try reader.read()
    } catch {
      let before = bytes.prefix(error.offset)
      let line = before.count { $0 == 0x0a } + 1
      let column = before.count - (before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0) + 1
      throw ResultFileError(
        path: path, reason: "it is not JSON at line \(line), column \(column): \(error.message)"
      ).failure
    }
    guard tree["schema"]?.text == schema else {
      throw ResultFileError(path: path, reason: "'schema' is not \(schema)").failure
    }
    guard !hasVersion || tree["version"]?.text == Version.current else {
      throw ResultFileError(
        path: path,
        reason: "'version' is not \(Version.current): another version of kvmpt wrote it"
      ).failure
    }
  }

  /// The bytes of a file, or of a pipe that somebody writes to.
  static func bytes(of path: String) throws(CommandFailure) -> [UInt8] {
    do throws(InputFileError) {
      return try InputFile.allBytes(of: path, byteLimit: byteLimit)
    } catch {
      throw CommandFailure(error)
    }
  }

  /// The failure of a file in which something is missing or wrong.
  func failure(_ what: String, _ reason: String? = nil) -> CommandFailure {
    ResultFileError(
      path: path, reason: "\(quoted(what)) is missing or wrong" + (reason.map { ": \($0)" } ?? "")
    ).failure
  }

  /// Takes `value`, which was found at `what`.
  func require<Value>(
    _ value: Value?, _ what: String, _ reason: String? = nil
  ) throws(CommandFailure) -> Value {
    guard let value else { throw failure(what, reason) }
    return value
  }

  /// A count, which is never negative, and so small that sums of counts do not overflow.
  func count(_ tree: JSONTree?, _ what: String, least: Int = 0) throws(CommandFailure) -> Int {
    let number = try require(tree?.number, what)
    guard (least...1 << 48).contains(number) else {
      throw failure(what, "it is not between \(least) and 2^48")
    }
    return number
  }

  /// Refuses members that nobody would look at.
  func refuseMembers(
    of tree: JSONTree, besides known: Set<String>, at place: String
  ) throws(CommandFailure) {
    let members = try require(tree.members, place.isEmpty ? "the file" : place)
    let prefix = place.isEmpty ? "" : place + "."
    if let name = members.keys.sorted().first(where: { !known.contains($0) }) {
      throw failure(prefix + name, "there is no such member")
    }
  }

  /// The machine of a report or of a profile, with the rules that belong to it.
  func machine() throws(CommandFailure) -> MachineProfile {
    let tree = try require(tree["machine"], "machine")
    var found: Set<MachineFeature> = []
    for feature in try require(tree["features"]?.elements, "machine.features") {
      let feature = try require(
        feature.text.flatMap(MachineFeature.init(rawValue:)), "machine.features")
      guard found.insert(feature).inserted else {
        throw failure("machine.features", "\(feature.rawValue) comes twice")
      }
    }
    let width = try require(
      tree["physical-address-bits"]?.number, "machine.physical-address-bits")
    guard (32...52).contains(width) else {
      throw failure("machine.physical-address-bits", "it is not between 32 and 52")
    }
    let vendors: [String: ProcessorVendor] = ["amd": .amd, "intel": .intel]
    return MachineProfile(
      identity: MachineIdentity(
        name: try require(tree["name"]?.text, "machine.name"),
        walker: try require(
          tree["walker"]?.text.flatMap(TableWalker.init(rawValue:)), "machine.walker"),
        processorName: try require(tree["processor"]?.text, "machine.processor"),
        kernelRelease: try require(tree["kernel"]?.text, "machine.kernel"),
        hostProcessor: try require(
          tree["host-processor"]?.text.flatMap(HostProcessor.init(rawValue:)),
          "machine.host-processor"),
        programVersion: try require(tree["program-version"]?.text, "machine.program-version")),
      vendor: try require(tree["vendor"]?.text.flatMap { vendors[$0] }, "machine.vendor"),
      physicalAddressWidth: UInt8(width), features: found, deviations: [])
  }

  /// A rule with a condition, and with the id and the message that belong to it if it has any.
  func rule(_ tree: JSONTree, at place: String) throws(CommandFailure) -> Deviation {
    var condition: [DeviationAttribute] = []
    for (name, value) in try require(tree["when"]?.members, place + ".when") {
      condition.append(
        try require(
          value.text.flatMap { DeviationAttribute(name: name, value: $0) },
          "\(place).when.\(name)"))
    }
    guard !condition.isEmpty else {
      throw failure(place + ".when", "a rule without a condition would excuse everything")
    }
    var number: UInt32?
    if let given = tree["effect"]?["number"] {
      number = try require(
        given.number.flatMap { UInt32(exactly: $0) }, place + ".effect.number")
    }
    let effect = tree["effect"]?["id"]?.text.flatMap {
      DeviationEffect(name: $0, number: number)
    }
    let rule = Deviation(when: condition, try require(effect, place + ".effect"))
    if let id = tree["id"], id.text != rule.id {
      throw failure(place + ".id", "that rule is called \(rule.id)")
    }
    return rule
  }
}
