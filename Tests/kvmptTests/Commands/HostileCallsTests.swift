// HostileCallsTests: the libraries, called with values that no friendly caller passes.

import Testing

@Suite("Calls of the public surface with hostile values")
struct HostileCallsTests {
  /// A small share of what `.ci/hostile-calls` makes.
  @Test("no call traps or hangs, and none claims agreement for what nobody executed")
  func noCallTraps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    let folder = ProgramRun.program.split(separator: "/").dropLast()
    let program = folder.reduce("") { "\($0)/\($1)" } + "/HostileCalls"
    let run = try ProgramRun(["--count", "400", "--seed", "\(seed)"], program: program)
    #expect(run.exitCode == 0, "\(run.output)repeat: HostileCalls --count 400 --seed \(seed)")
    #expect(run.output.contains("400 hostile calls"))
  }
}
