// What is made of the ways in which KVM_RUN comes back without an exit of the guest.

import CKVM
import CLinux
import Testing

@testable import KVM

@Suite("A run that does not happen is told from a guest that does not come back")
struct RunWaitTests {
  private func call(
    limit: Duration, _ answers: @escaping (Int) -> Int32
  ) throws(KVMError) -> (end: RunWait.End, callCount: Int) {
    var count = 0
    let end = try RunWait(limit: limit).callUntilExit {
      count += 1
      return -Int64(answers(count))
    }
    return (end, count)
  }

  @Test("Signals and a kernel that is short of threads for a while are waited for")
  func passingErrors() throws {
    let (end, count) = try call(limit: .seconds(60)) { $0 < 4 ? EINTR : $0 < 9 ? EAGAIN : 0 }
    #expect(end == .exited && count == 9)
  }

  @Test("A guest that only the limit's signal stops has reached the limit")
  func limit() throws {
    let (end, _) = try call(limit: .milliseconds(5)) { _ in EINTR }
    #expect(end == .limitReached)
  }

  @Test("A guest that the kernel never let run is an error of KVM_RUN, and did not hang")
  func neverRan() throws {
    let error = try #require(throws: KVMError.self) {
      _ = try call(limit: .milliseconds(5)) { _ in EAGAIN }
    }
    #expect(error == .call(.run, errorNumber: EAGAIN))
    #expect(error.hint.contains("limit of processes"))
  }

  @Test("Any other error ends the run at once")
  func otherError() throws {
    let error = try #require(throws: KVMError.self) {
      _ = try call(limit: .seconds(60)) { _ in EFAULT }
    }
    #expect(error == .call(.run, errorNumber: EFAULT))
  }
}
