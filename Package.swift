// swift-tools-version: 6.2
// kvmpt: page tables that are proved on a real MMU. See DESIGN.md for the layers.

import PackageDescription

/// Every Swift target is built with the same checks.
let checked: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Code that tests run through millions of times.
///
/// `KVMPT_OPTIMIZED_TESTS=1` has it optimized in debug builds, too, with its assertions: the build takes
/// longer, and the tests much less.
let exercised =
  Context.environment["KVMPT_OPTIMIZED_TESTS"] == "1"
  ? checked + [
    .unsafeFlags(
      ["-O", "-wmo", "-num-threads", "2", "-assert-config", "Debug", "-disable-batch-mode"],
      .when(configuration: .debug))
  ]
  : checked

let package = Package(
  name: "kvmpt",
  products: [
    .library(name: "MMU", targets: ["MMU"]),
    .library(name: "Inspection", targets: ["Inspection"]),
    .library(name: "GuestMem", targets: ["GuestMem"]),
    .library(name: "LiveMem", targets: ["LiveMem"]),
    .library(name: "KVM", targets: ["KVM"]),
    .library(name: "Probe", targets: ["Probe"]),
    .executable(name: "kvmpt", targets: ["kvmpt"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CAtomics"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CKVM"),
    // The system's libyaml, not a package that brings it along: those bring Foundation, too, and every
    // start of kvmpt pays for it.
    .systemLibrary(
      name: "CLibYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .yum(["libyaml-devel"])]),
    .target(name: "MMU", swiftSettings: exercised),
    // The system's zlib: kdumps are compressed by it.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"]), .brew(["zlib"])]),
    .target(
      name: "Inspection", dependencies: ["CAtomics", "CZlib", "MMU"], swiftSettings: exercised),
    .target(
      name: "GuestMem", dependencies: ["CAtomics", "CLinux", "MMU"], swiftSettings: exercised),
    .target(
      name: "LiveMem", dependencies: ["CAtomics", "CLinux", "GuestMem", "MMU"],
      swiftSettings: exercised),
    .target(name: "KVM", dependencies: ["CKVM", "CLinux", "MMU"], swiftSettings: exercised),
    .target(name: "GuestImages", path: "GuestImages", publicHeadersPath: "include"),
    .target(
      name: "Probe",
      dependencies: ["CKVM", "CLinux", "GuestImages", "GuestMem", "Inspection", "KVM", "MMU"],
      swiftSettings: exercised),
    .target(
      name: "Boot",
      dependencies: [
        "CKVM", "CLinux", "GuestImages", "GuestMem", "Inspection", "KVM", "MMU", "Probe",
      ],
      swiftSettings: exercised),
    .executableTarget(
      name: "kvmpt",
      dependencies: [
        "Boot", "CLibYAML", "GuestMem", "Inspection", "KVM", "MMU", "Probe",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      // The program is one file wherever it is put.
      resources: [
        .embedInCode("Baseline/baseline.json"), .embedInCode("Input/address-space.schema.json"),
      ],
      swiftSettings: exercised),
    // What no user builds: what tests share, images for tests, and the programs that try images by the million, call
    // the libraries with hostile values, and write large images.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: checked),
    .target(
      name: "TestHosts", dependencies: ["MMU", "Probe", "TestSupport"], path: "Tests/TestHosts",
      swiftSettings: checked),
    .target(
      name: "TestImages",
      dependencies: [
        "CKVM", "CLinux", "CZlib", "GuestMem", "Inspection", "KVM", "MMU", "TestSupport",
      ],
      path: "Tests/TestImages", swiftSettings: exercised),
    .target(name: "TestKernels", path: "Tests/TestKernels", swiftSettings: checked),
    .target(
      name: "Lies",
      dependencies: ["GuestMem", "Inspection", "MMU", "Probe", "TestImages", "TestSupport"],
      path: "Tests/Lies", swiftSettings: exercised),
    .executableTarget(
      name: "TryLies",
      dependencies: [
        "KVM", "Lies", "MMU", "Probe",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Fuzz/TryLies",
      swiftSettings: checked),
    .executableTarget(
      name: "FuzzImages",
      dependencies: ["GuestMem", "Inspection", "MMU", "Probe", "TestImages"],
      path: "Fuzz/FuzzImages",
      swiftSettings: checked),
    .executableTarget(
      name: "HostileCalls",
      dependencies: ["CKVM", "GuestMem", "Inspection", "KVM", "LiveMem", "MMU", "Probe"],
      path: "Fuzz/HostileCalls", swiftSettings: checked),
    // A test kills it.
    .executableTarget(
      name: "KilledTables", dependencies: ["CLinux", "GuestMem", "LiveMem", "MMU", "TestSupport"],
      path: "Tests/KilledTables", swiftSettings: checked),
    .executableTarget(
      name: "MakeImage", dependencies: ["TestImages", "TestSupport"], path: "Benchmarks/images",
      exclude: ["run"], swiftSettings: checked),
    .executableTarget(
      name: "MeasureRanges",
      dependencies: ["GuestMem", "Inspection", "MMU", "Probe", "TestImages"],
      path: "Benchmarks/ranges", swiftSettings: checked),
    .executableTarget(
      name: "MeasureLive", dependencies: ["GuestMem", "LiveMem", "MMU", "TestSupport"],
      path: "Benchmarks/live", swiftSettings: checked),
    // A small program that uses the libraries: two processors, and a table that changes under them.
    .executableTarget(
      name: "LiveExample", dependencies: ["CKVM", "GuestMem", "KVM", "LiveMem", "MMU"],
      path: "Examples/live", swiftSettings: checked),
    .executableTarget(
      name: "MeasureProbes", dependencies: ["GuestMem", "KVM", "MMU", "Probe", "TestImages"],
      path: "Benchmarks/probes", swiftSettings: checked),
    .testTarget(
      name: "MMUTests", dependencies: ["MMU", "TestSupport"],
      exclude: ["Explanation/explanations.txt"],
      swiftSettings: checked),
    .testTarget(
      name: "InspectionTests", dependencies: ["Inspection", "MMU", "TestImages", "TestSupport"],
      swiftSettings: checked),
    .testTarget(
      // Probe, because a sample of the random tables is proved by a guest.
      name: "GuestMemTests",
      dependencies: [
        "CLinux", "GuestMem", "Inspection", "MMU", "Probe", "TestHosts", "TestImages",
        "TestSupport",
      ],
      // Millions of operations in an ordinary run: what they test is inlinable, so -O reaches it.
      swiftSettings: checked + [
        .unsafeFlags(["-O", "-wmo", "-num-threads", "2", "-disable-batch-mode"])
      ]),
    .target(name: "Coroutines", path: "Tests/Coroutines"),
    .testTarget(
      name: "LiveMemTests",
      dependencies: [
        "CLinux", "Coroutines", "GuestMem", "KilledTables", "LiveMem", "MMU", "TestSupport",
      ],
      // As for GuestMemTests: millions of schedules.
      swiftSettings: checked + [
        .unsafeFlags(["-O", "-wmo", "-num-threads", "2", "-disable-batch-mode"])
      ]),
    .testTarget(
      name: "KVMTests",
      dependencies: ["CKVM", "CLinux", "KVM", "MMU", "TestHosts", "TestImages", "TestSupport"],
      swiftSettings: checked),
    .testTarget(
      name: "BootTests",
      dependencies: [
        "Boot", "GuestMem", "KVM", "MMU", "Probe", "TestHosts", "TestKernels", "TestSupport",
      ],
      swiftSettings: checked),
    .testTarget(
      name: "ProbeTests",
      dependencies: [
        "CKVM", "CLinux", "GuestImages", "GuestMem", "Inspection", "KVM", "Lies", "LiveMem", "MMU",
        "Probe", "TestHosts", "TestImages", "TestSupport",
      ],
      swiftSettings: checked),
    .testTarget(
      name: "kvmptTests",
      dependencies: [
        "kvmpt", "CLibYAML", "GuestImages", "GuestMem", "HostileCalls", "Inspection", "KVM", "MMU",
        "Probe", "TestHosts", "TestImages", "TestKernels", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Fixtures", "Recorded/Texts", "Schema/sarif-2.1.0-subset.schema.json"],
      swiftSettings: checked),
  ],
  swiftLanguageModes: [.v6]
)
