/**
 * Where onnxruntime's CUDA provider comes from, by the runtime's version. npm's registry has none. The package's own install
 * script takes one from NuGet, built for CUDA 12, and checks nothing; these are the wheels of the same releases on PyPI, built
 * for CUDA 13 from the same commit as the binding. Each was fetched and hashed when it was entered here.
 */

export interface ProviderFile {
  /** File name by which the runtime looks for the library, beside its binding. */
  name: string;
  /** Path in the archive. */
  path: string;
  sha256: string;
}

export interface Provider {
  url: string;
  bytes: number;
  sha256: string;
  files: ProviderFile[];
}

/** The library that the runtime opens first. */
export const CUDA_PROVIDER = "libonnxruntime_providers_cuda.so";

export const PROVIDERS: Readonly<Record<string, Provider>> = {
  "1.30.0": {
    url: "https://files.pythonhosted.org/packages/9e/80/d96143329dbe925d434b016c890a5caa785fac8e14a1570e5d6818b63545/onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    bytes: 246_685_715,
    sha256: "6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1",
    files: [
      {
        name: "libonnxruntime_providers_shared.so",
        path: "onnxruntime/capi/libonnxruntime_providers_shared.so",
        sha256: "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d",
      },
      {
        name: CUDA_PROVIDER,
        path: "onnxruntime/capi/libonnxruntime_providers_cuda.so",
        sha256: "35da2e7ed0dd0d1aec5cdb16ce11a51d06c0c48cf62d1b1c9332946a4fae14fc",
      },
    ],
  },
};
