// Connection: a stream to a program that answers, with a time limit for everything.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A connected stream socket.
final class Connection {
  /// As the user wrote it.
  let address: String
  private let descriptor: CInt
  private var received: [UInt8] = []

  /// An answer has at most so many bytes.
  private static let byteLimit = 1 << 24

  /// Connects to `address`, the path of a socket or HOST:PORT.
  ///
  /// - Throws: ``LiveSourceError/unreachable(address:errorNumber:)``,
  ///   ``LiveSourceError/invalidAddress(_:)``.
  init(_ address: String) throws(LiveSourceError) {
    self.address = address
    if address.contains("/") || !address.contains(":") {
      descriptor = try Self.connect(toPath: address)
    } else {
      descriptor = try Self.connect(toHost: address)
    }
    // A connection that is gone is an error of the write, and no signal.
    #if canImport(Darwin)
      var on: CInt = 1
      // SAFETY: `on` is a variable of this call.
      _ = unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<CInt>.size))
    #endif
  }

  deinit { close(descriptor) }

  #if canImport(Glibc)
    private static let stream = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
  #else
    private static let stream = SOCK_STREAM
  #endif

  private static func connect(toPath path: String) throws(LiveSourceError) -> CInt {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: name.sun_path)
    guard !bytes.isEmpty, bytes.count < room, !bytes.contains(0) else {
      throw .unreachable(address: path, errorNumber: ENAMETOOLONG)
    }
    // SAFETY: the path is shorter than its room, whose last byte stays 0.
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, stream, 0)
    guard descriptor >= 0 else { throw .unreachable(address: path, errorNumber: errno) }
    // SAFETY: a sockaddr_un may be passed as a sockaddr of its size.
    let problem = unsafe withUnsafePointer(to: &name) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard problem == 0 else {
      close(descriptor)
      throw .unreachable(address: path, errorNumber: problem)
    }
    return descriptor
  }

  /// How long a connection may take to be made.
  private static let connectionMilliseconds: CInt = 10_000

  /// Connects a socket within the time limit.
  ///
  /// A local socket whose queue of clients is full refuses at once (EAGAIN), and a host that does not answer
  /// after the limit (ETIMEDOUT).
  ///
  /// - Returns: 0, or an errno.
  private static func connect(
    _ descriptor: CInt, _ name: UnsafePointer<sockaddr>, _ size: socklen_t
  ) -> CInt {
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) >= 0 else { return errno }
    // SAFETY: the caller's name has `size` bytes.
    #if canImport(Darwin)
      let result = unsafe Darwin.connect(descriptor, name, size)
    #elseif canImport(Musl)
      let result = unsafe Musl.connect(descriptor, name, size)
    #else
      let result = unsafe Glibc.connect(descriptor, name, size)
    #endif
    if result == 0 { return 0 }
    guard errno == EINPROGRESS || errno == EINTR else { return errno }
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // SAFETY: `entry` is a variable of this call.
    guard unsafe poll(&entry, 1, connectionMilliseconds) > 0 else { return ETIMEDOUT }
    var problem: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    // SAFETY: the variables are those of this call.
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) == 0 else {
      return errno
    }
    return problem
  }

  private static func connect(toHost address: String) throws(LiveSourceError) -> CInt {
    guard let colon = address.lastIndex(of: ":"),
      UInt16(address[address.index(after: colon)...]) != nil
    else { throw .invalidAddress(address) }
    var host = String(address[..<colon])
    if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    // SAFETY: no pointer is set.
    var hints = unsafe addrinfo()
    #if canImport(Glibc)
      unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #else
      unsafe hints.ai_socktype = SOCK_STREAM
    #endif
    var found: UnsafeMutablePointer<addrinfo>?
    // SAFETY: the strings outlive the call, and the others are variables of this one.
    let problem = unsafe getaddrinfo(
      host.isEmpty ? "localhost" : host, String(address[address.index(after: colon)...]), &hints,
      &found)
    defer {
      // SAFETY: the list is freed nowhere else; of none nothing is freed.
      if let found = unsafe found { unsafe freeaddrinfo(found) }
    }
    guard problem == 0 else { throw .unreachable(address: address, errorNumber: ENOENT) }
    var reason = ECONNREFUSED
    var next = unsafe found
    while let entry = unsafe next {
      // SAFETY: getaddrinfo made a list that ends with nil.
      let descriptor = unsafe socket(entry.pointee.ai_family, stream, 0)
      if descriptor >= 0 {
        let result = unsafe connect(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen)
        if result == 0 {
          var on: CInt = 1
          // SAFETY: `on` is a variable of this call. TCP_NODELAY: each command is a packet.
          unsafe _ = setsockopt(
            descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
          return descriptor
        }
        reason = result
        _ = close(descriptor)
      }
      unsafe next = entry.pointee.ai_next
    }
    throw .unreachable(address: address, errorNumber: reason)
  }

  /// The process at the other end of a local socket, as it was when it began to listen; nil where that is
  /// not known.
  ///
  /// Source: unix(7), SO_PEERCRED.
  var peerProcess: Int32? {
    #if os(Linux)
      // struct ucred: pid, uid, gid.
      var credentials: (pid_t, uid_t, gid_t) = (0, 0, 0)
      var size = socklen_t(12)
      // SAFETY: the variable has the 12 bytes of a struct ucred.
      let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
      return result == 0 && credentials.0 > 0 ? credentials.0 : nil
    #else
      return nil
    #endif
  }

  /// Sends all of `bytes`.
  ///
  /// - Throws: ``LiveSourceError/broken(address:reason:)``.
  func send(_ bytes: [UInt8], _ deadline: ContinuousClock.Instant) throws(LiveSourceError) {
    #if canImport(Darwin)
      let flags: CInt = 0
    #else
      let flags = CInt(MSG_NOSIGNAL)
    #endif
    var done = 0
    while done < bytes.count {
      try wait(for: Int16(POLLOUT), deadline, "room for a command")
      // SAFETY: the rest of the array has so many bytes.
      let count = unsafe bytes.withUnsafeBytes {
        #if canImport(Darwin)
          unsafe Darwin.send(
            descriptor, $0.baseAddress.map { unsafe $0 + done }, bytes.count - done, flags)
        #elseif canImport(Musl)
          unsafe Musl.send(
            descriptor, $0.baseAddress.map { unsafe $0 + done }, bytes.count - done, flags)
        #else
          unsafe Glibc.send(
            descriptor, $0.baseAddress.map { unsafe $0 + done }, bytes.count - done, flags)
        #endif
      }
      if count < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        throw .broken(address: address, reason: "a command cannot be sent (errno \(errno))")
      }
      done += count
    }
  }

  /// The bytes up to `end`, without it; `expected` names them in an error.
  ///
  /// - Throws: ``LiveSourceError/silent(address:expected:)``,
  ///   ``LiveSourceError/broken(address:reason:)``.
  func receive(
    upTo end: UInt8, _ deadline: ContinuousClock.Instant, expected: String
  ) throws(LiveSourceError) -> [UInt8] {
    var searched = 0
    while true {
      if let index = received[searched...].firstIndex(of: end) {
        defer { received.removeFirst(index + 1) }
        return Array(received[..<index])
      }
      searched = received.count
      try fill(deadline, expected)
    }
  }

  /// The next `count` bytes.
  ///
  /// - Throws: as ``receive(upTo:_:expected:)``.
  func receive(
    count: Int, _ deadline: ContinuousClock.Instant, expected: String
  ) throws(LiveSourceError) -> [UInt8] {
    while received.count < count { try fill(deadline, expected) }
    defer { received.removeFirst(count) }
    return Array(received[..<count])
  }

  private func fill(
    _ deadline: ContinuousClock.Instant, _ expected: String
  ) throws(LiveSourceError) {
    guard received.count < Self.byteLimit else {
      throw .broken(address: address, reason: "an answer does not end")
    }
    try wait(for: Int16(POLLIN), deadline, expected)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    // SAFETY: the buffer has room for as many bytes as are asked for.
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
    }
    if count < 0 {
      if errno == EINTR || errno == EAGAIN { return }
      throw .broken(address: address, reason: "it cannot be read (errno \(errno))")
    }
    guard count > 0 else {
      throw .broken(address: address, reason: "the other side closed it")
    }
    received += buffer[..<count]
  }

  private func wait(
    for event: Int16, _ deadline: ContinuousClock.Instant, _ expected: String
  ) throws(LiveSourceError) {
    while true {
      let left = deadline - .now
      guard left > .zero else { throw .silent(address: address, expected: expected) }
      let (seconds, attoseconds) = left.components
      let milliseconds = min(seconds, 3600) * 1000 + attoseconds / 1_000_000_000_000_000 + 1
      var entry = pollfd(fd: descriptor, events: event, revents: 0)
      // SAFETY: `entry` is a variable of this call.
      if unsafe poll(&entry, 1, CInt(milliseconds)) > 0 { return }
    }
  }
}
