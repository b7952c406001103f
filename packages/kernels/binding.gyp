{
  # Two addons. `tuiqiao_kernels`: the kernels, whose sources are compiled once per instruction set (no -march for the
  # whole build: the binary runs on any processor and picks at run time). `tuiqiao_environment`: see environment.cc.
  # TUIQIAO_ONEDNN_PREFIX: where include/ and lib/ of oneDNN are; empty builds the portable matrix product only.
  "variables": {
    "onednn_prefix%": "<!(node -p \"process.env.TUIQIAO_ONEDNN_PREFIX || ''\")",
    "has_openmp%": "<!(node -p \"process.platform === 'linux' ? 1 : 0\")",
    "kernel_sources": [
      "native/attention-cached.cc",
      "native/attention.cc",
      "native/eight-bit.cc",
      "native/elementwise.cc",
      "native/gemm-amx.cc",
      "native/gemm-lanes.cc",
      "native/gemm-portable.cc",
      "native/gemm-shallow.cc",
      "native/gemm-small.cc",
      "native/gemm-thin.cc",
      "native/head.cc",
      "native/kernel-set.cc",
      "native/norm.cc",
      "native/optimizer.cc",
      "native/quantized.cc",
      "native/rope.cc",
      "native/rows.cc",
      "native/sampling.cc",
    ],
  },
  "target_defaults": {
    "cflags!": ["-O2"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags": ["-O3", "-Wall", "-Wextra", "-fPIC", "-Wno-psabi", "-Wno-maybe-uninitialized", "-Wno-uninitialized", "-Wno-unknown-pragmas"],
    # Products and sums may contract to FMA; NaN and infinity keep their meaning (no -ffast-math).
    "cflags_cc": ["-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"],
    "xcode_settings": {
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CFLAGS": ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-unknown-pragmas"],
    },
    "conditions": [
      ["has_openmp==1", {"cflags": ["-fopenmp"], "ldflags": ["-fopenmp"]}],
    ],
  },
  "targets": [
    {
      "target_name": "tuiqiao_environment",
      "sources": ["native/environment.cc"],
      "cflags!": ["-fopenmp"],
      "ldflags!": ["-fopenmp"],
    },
    {
      "target_name": "kernels_generic",
      "type": "static_library",
      "sources": ["<@(kernel_sources)"],
      "defines": ["TUIQIAO_ISA=generic"],
    },
    {
      "target_name": "tuiqiao_kernels",
      "sources": ["native/addon.cc", "native/gemm.cc", "native/machine.cc"],
      "dependencies": ["kernels_generic"],
      "conditions": [
        ["onednn_prefix!=''", {
          "defines": ["TUIQIAO_ONEDNN"],
          "libraries": ["-ldnnl"],
          # The compiler searches /usr by itself; naming it would put it before the compiler's own folders.
          "conditions": [
            ["onednn_prefix!='/usr'", {
              "include_dirs": ["<(onednn_prefix)/include"],
              "libraries": ["-L<(onednn_prefix)/lib", "-Wl,-rpath,<(onednn_prefix)/lib"],
            }],
          ],
        }],
        ["target_arch=='x64'", {
          "dependencies": ["kernels_avx2", "kernels_avx512_bf16"],
        }],
      ],
    },
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["TUIQIAO_ISA=avx2"],
          "cflags": ["-mavx2", "-mfma"],
          "xcode_settings": {"OTHER_CFLAGS": ["-mavx2", "-mfma"]},
        },
        {
          "target_name": "kernels_avx512_bf16",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["TUIQIAO_ISA=avx512_bf16"],
          "cflags": [
            "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512bf16", "-mavx512vnni",
            "-mfma",
            "-mprefer-vector-width=512",
          ],
          "xcode_settings": {
            "OTHER_CFLAGS": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512bf16", "-mavx512vnni", "-mfma"],
          },
        },
      ],
    }],
  ],
}
