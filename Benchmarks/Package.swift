// swift-tools-version: 6.2
// Benchmarks: the contestants of `limits` under a framework with percentiles and thresholds.
//
// A package of its own, so that its dependencies never reach a user. Run it from this folder with
// `swift package benchmark`.

import PackageDescription

let package = Package(
  name: "benchmarks",
  dependencies: [
    .package(name: "kvmpt", path: ".."),
    .package(name: "limits", path: "limits"),
    .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "PageTableCore",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "Contestants", package: "limits"),
      ],
      path: "PageTableCore",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
  ],
  swiftLanguageModes: [.v6]
)
