// Every environment variable of Lorikeet, read in this one place. The table in docs/environment.md lists the same
// names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lorikeet {

struct Options {
  std::string device;       // LORIKEET_DEVICE: number or part of a name
  std::string cache_dir;    // LORIKEET_CACHE: folder for models, pipelines and the choice table; "" = the user's
  bool validation = false;  // LORIKEET_VALIDATION=1: validation and synchronisation validation; messages are errors
  std::string hide;         // LORIKEET_HIDE: capabilities to lower, "float16,storage_16,max_storage_buffers=8";
                            // the names are those of DeviceProfile, and "floor" (see lower())
  std::string fault;        // LORIKEET_FAULT: "submit:N" loses the device at the N-th submission,
                            // "allocate:N" fails the N-th device allocation (counted from 1; once)
  double slice_ms = 0;      // LORIKEET_SLICE_MS: longest wanted submission; 0 = by device kind
  bool fuse = true;         // LORIKEET_FUSE=0: graphs run unfused
  int compile_threads = 0;  // LORIKEET_COMPILE_THREADS: 0 = all cores

  static Options from_environment();
  // cache_dir, or $XDG_CACHE_HOME/lorikeet, ~/.cache/lorikeet, %LOCALAPPDATA%; "" if there is no such place.
  std::string cache_folder() const;
};

}  // namespace lorikeet
