// MutantPackage: a copy of the package in which all chosen mutants are compiled at once.

import Foundation

/// A scratch copy of the package, below its `.build` folder.
struct MutantPackage {
  let root: URL
  let folder: URL
  /// The test targets that are built; nil builds all.
  let testTargets: Set<String>?
  private let files: FileManager = .default

  /// What the tests read or need to be built.
  private static let copied = [
    "Package.swift", "Sources", "Tests", "GuestImages", "Fuzz", "Benchmarks", "Documentation",
    "Examples", "Schemas", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "DESIGN.md", "LICENSE",
    "SECURITY.md", ".ci", ".swift-format",
  ]

  init(root: URL, work: URL, testTargets: Set<String>? = nil) {
    self.root = root
    self.testTargets = testTargets
    folder = work.appending(path: "package")
  }

  /// Copies what changed, and removes what is gone.
  ///
  /// Files that are mutated are left to ``write(_:)``, so that their dates stay where they do not
  /// change.
  func copy(except mutated: Set<String>) throws {
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in Self.copied {
      let origin = root.appending(path: name)
      var isFolder: ObjCBool = false
      guard files.fileExists(atPath: origin.path, isDirectory: &isFolder) else { continue }
      guard isFolder.boolValue else {
        try replace(folder.appending(path: name), with: try content(name, origin))
        continue
      }
      var kept: Set<String> = []
      for path in try files.subpathsOfDirectory(atPath: origin.path) {
        let file = origin.appending(path: path)
        guard files.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue
        else { continue }
        kept.insert(path)
        if name == "Sources" && mutated.contains(path) { continue }
        let target = folder.appending(path: name).appending(path: path)
        try replace(target, with: try Data(contentsOf: file), mode: mode(of: file))
      }
      try remove(allBut: kept, in: folder.appending(path: name))
    }
    let origin = root.appending(path: "Tests/Mutants/Switch")
    for path in ["MutantSwitch.c", "include/MutantSwitch.h"] {
      let data = try Data(contentsOf: origin.appending(path: path))
      try replace(folder.appending(path: "Switch").appending(path: path), with: data)
    }
  }

  /// Writes a mutated file of `Sources`.
  func write(_ path: String, _ text: String) throws {
    try replace(folder.appending(path: "Sources").appending(path: path), with: Data(text.utf8))
  }

  private func content(_ name: String, _ origin: URL) throws -> Data {
    var data = try Data(contentsOf: origin)
    if name == "Package.swift" { data += Data(manifestEnd.utf8) }
    return data
  }

  /// What the manifest of the copy says in addition.
  private var manifestEnd: String {
    """

    // What follows is added by Tests/Mutants.
    package.targets.append(.target(name: "MutantSwitch", path: "Switch"))
    for target in package.targets where target.swiftSettings != nil {
      if \(SourceFile.modules).contains(target.name) { target.dependencies.append("MutantSwitch") }
      target.swiftSettings?.append(
        .unsafeFlags([
          "-suppress-warnings", "-Xfrontend", "-solver-expression-time-threshold=20",
        ]))
    }
    // Only what these test targets need.
    var needed: Set<String> = \(neededTests)
    var open = needed
    while let name = open.popFirst() {
      guard let target = package.targets.first(where: { $0.name == name }) else { continue }
      for case .byNameItem(let other, _) in target.dependencies
      where needed.insert(other).inserted {
        open.insert(other)
      }
    }
    package.products = []
    package.targets.removeAll { !needed.contains($0.name) }

    """
  }

  private var neededTests: [String] {
    testTargets?.sorted() ?? (SourceFile.modules.map { "\($0)Tests" })
  }

  private func mode(of file: URL) throws -> Int {
    let attributes = try files.attributesOfItem(atPath: file.path)
    return (attributes[.posixPermissions] as? Int) ?? 0o644
  }

  private func replace(_ target: URL, with data: Data, mode: Int = 0o644) throws {
    if let old = try? Data(contentsOf: target), old == data { return }
    try files.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: target)
    try files.setAttributes([.posixPermissions: mode], ofItemAtPath: target.path)
  }

  private func remove(allBut kept: Set<String>, in target: URL) throws {
    for path in try files.subpathsOfDirectory(atPath: target.path) {
      let file = target.appending(path: path)
      var isFolder: ObjCBool = false
      guard files.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue
      else { continue }
      if !kept.contains(path) { try files.removeItem(at: file) }
    }
  }
}
