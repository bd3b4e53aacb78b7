// Starts that a careless parent makes: closed descriptors, small limits.

import Glibc
import TestHosts
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

  @Test(
    "A limit on the size of files is named, because guest memory is a file to it",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func fileSizeLimitOfMemory() throws {
    let run = try Self.run(
      "{ (ulimit -f 8; exec \"$0\" \"$@\"); echo \"code $?\"; } | cat", ["verify", Self.example])
    #expect(run.output == "code 70\n")
    #expect(run.errors.contains("hint: raise the limit of the size of files"), "\(run.errors)")
    #expect(!run.errors.contains("ulimit -v"))
  }

  @Test("Memory that the host refuses is its failure, and not a mistake in the file")
  func memoryLimit() throws {
    let file = try TemporaryFile(
      "memory: 1GiB\nmappings:\n  - {linear: 8TiB, size: 4KiB, rights: rw-}\n")
    for limit in [300_000, 600_000, 1_000_000] {
      let run = try Self.run(
        "ulimit -v \(limit); exec \"$0\" \"$@\"",
        ["verify", file.path, "--kvm-device", "/no/such/device", "--if-no-kvm", "model"])
      #expect(run.exitCode == 70, "\(limit): \(run.errors)")
      #expect(run.errors.contains("ulimit -v"), "\(run.errors)")
    }
  }

  @Test(
    "Widths of addresses that no processor has are refused", arguments: ["-1", "31", "53", "300"])
  func physicalBits(_ text: String) throws {
    for command in [["dump"], ["verify"], ["audit"]] {
      let run = try ProgramRun(
        command + [LinuxCaseTests.core, "--physical-bits=\(text)"])
      #expect(run.exitCode == 64)
      #expect(run.errors.contains("--physical-bits takes 32 to 52, not \(text)"), "\(run.errors)")
    }
  }

  @Test(
    "A defect is one line and code 70, whatever the runtime would print",
    arguments: [SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGABRT],
    [[], ["SWIFT_BACKTRACE=enable=yes,color=no"]])
  func crash(_ signal: Int32, _ environment: [String]) throws {
    let pipe = try InputSafetyTests.Pipe()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let writer = unsafe open(pipe.path, O_RDWR)
    defer { close(writer) }
    // It waits for what the pipe never says.
    let run = try ProgramRun(["check", pipe.path], environment: environment) {
      InputSafetyTests.wait(for: $0, toCall: InputSafetyTests.poll)
      kill($0, signal)
      InputSafetyTests.bounded(.seconds(300), $0)
    }
    #expect(run.exitCode == 70)
    #expect(run.output.isEmpty)
    #expect(
      run.errors == """
        error: kvmpt met a defect of its own and cannot go on
          hint: please report it with the command line and, if you can, its files

        """)
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
    // A report of no tests, or none at all, is no proof that nothing was skipped.
    let empty = try answer("<testsuites></testsuites>\n")
    #expect(empty.exitCode == 1 && empty.errors.contains("are about no tests"))
    let none = try ProgramRun(
      ["-c", "d=$(mktemp -d) && \"$1\" $d; s=$?; rm -r $d; exit $s", "sh", script],
      program: "/bin/sh", environment: ["PATH=/usr/bin:/bin"])
    #expect(none.exitCode == 1 && none.errors.contains("has no test report"))
  }

  /// A node of the KVM device that everybody may open, and the means to run as somebody else.
  private static let mayTryAnotherUser: Bool = {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let hasProgram = unsafe access("/usr/bin/setpriv", X_OK) == 0
    return geteuid() == 0 && hasProgram
  }()

  @Test(
    "Where KVM may not start its thread, that is what is wrong, and not the machine",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"),
    .enabled(if: mayTryAnotherUser, "needs root, and setpriv of util-linux"))
  func limitOfProcesses() throws {
    // The limit counts a user's processes, and holds for everybody but root.
    let run = try ProgramRun(
      [
        "-c",
        """
        folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && chmod 755 "$folder" &&
          cp "$0" "$folder/kvmpt" && mknod -m 666 "$folder/kvm" c 10 232 || exit 99
        ulimit -u 1
        setpriv --reuid 64999 --clear-groups "$folder/kvmpt" doctor --kvm-device "$folder/kvm"
        """, ProgramRun.program,
      ], program: "/bin/bash", environment: ["PATH=/usr/bin:/bin"])
    // A kernel that needs no thread for a guest is ready; none is taken for one that differs.
    guard run.exitCode != 0 else { return }
    #expect(run.exitCode == 70, "\(run.output) \(run.errors)")
    #expect(run.output.contains("EAGAIN") && run.output.contains("limit of processes"))
    #expect(!run.output.contains("differs from the manual"))
  }
}
