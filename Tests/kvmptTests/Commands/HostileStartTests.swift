// Starts that a careless parent makes: closed descriptors, small limits.

import Testing

@testable import kvmpt

@Suite("However it is started, the program keeps its exit codes")
struct HostileStartTests {
  /// Runs the program by a shell, which may change what it inherits.
  static func run(_ command: String, _ arguments: [String]) throws -> ProgramRun {
    try ProgramRun(
      ["-c", command, ProgramRun.program] + arguments, program: "/bin/sh",
      environment: ["PATH=/usr/bin:/bin"])
  }

  static let example = MainJobTests.example("minimal.json")

  @Test(
    "A closed standard output is a report that cannot be written, and not somebody else's file",
    arguments: [">&-", "<&- >&-"])
  func closedOutput(_ closed: String) throws {
    for arguments in [["verify", Self.example, "--if-no-kvm", "model"], ["doctor"], ["schema"]] {
      let run = try Self.run("exec \"$0\" \"$@\" \(closed)", arguments)
      #expect(run.exitCode == 74, "\(arguments)")
      #expect(run.errors.contains("cannot write 'standard output': Bad file descriptor"))
    }
  }

  @Test("A closed standard error costs nothing but the words")
  func closedErrors() throws {
    let sound = try Self.run("exec \"$0\" \"$@\" 2>&-", ["check", Self.example])
    #expect(sound.exitCode == 0 && sound.output.contains(": ok: "))
    let missing = try Self.run("exec \"$0\" \"$@\" 2>&- >&- <&-", ["check", "/no/such/file"])
    #expect(missing.exitCode == 65 || missing.exitCode == 74)
    let input = try Self.run("exec \"$0\" \"$@\" <&-", ["check", "-"])
    #expect(input.exitCode == 65)
    #expect(input.errors.contains("cannot read '-': Bad file descriptor"))
  }

  @Test("A report that may not grow is code 74, and no signal ends the program")
  func fileSizeLimit() throws {
    let file = try TemporaryFile()
    let run = try Self.run(
      "ulimit -f 0; exec \"$0\" \"$@\" 2>/dev/null", ["schema", "--output", file.path])
    #expect(run.exitCode == 74)
  }

  @Test(
    "Too few file descriptors are a failure of the host with its fix, and not missing KVM",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: [4, 5, 6])
  func fewDescriptors(_ count: Int) throws {
    let run = try Self.run(
      "ulimit -n \(count); exec \"$0\" \"$@\"", ["verify", Self.example, "--if-no-kvm", "skip"])
    #expect(run.exitCode == 70, "\(run.output)")
    #expect(run.errors.contains("ulimit -n"), "\(run.errors)")
  }

  @Test("CI counts the tests that were skipped, and none are no failure")
  func skippedTests() throws {
    let script = "\(PackageFiles.root)/.ci/skipped-tests"
    func answer(_ report: String) throws -> ProgramRun {
      try ProgramRun(
        [
          "-c",
          "d=$(mktemp -d) && printf '%s' \"$2\" > $d/x.xml && \"$1\" $d; s=$?; rm -r $d; exit $s",
          "sh", script, report,
        ], program: "/bin/sh", environment: ["PATH=/usr/bin:/bin"])
    }
    let all = try answer("<testcase name=\"a\"/>\n")
    #expect(all.exitCode == 0 && all.output.isEmpty && all.errors.isEmpty)
    let some = try answer("<testcase name=\"a\">\n<skipped/>\n</testcase>\n")
    #expect(some.exitCode == 1 && some.errors.hasPrefix("1 tests were skipped\n"))
    #expect(some.errors.contains("name=\"a\""))
  }
}
