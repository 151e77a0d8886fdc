// Under which circumstances a run measures: the machine, the build, the programs. No text made here
// holds a folder of this machine, because results are published. Pure or reading /proc; any thread.
#pragma once

#include <string>
#include <string_view>

#include "runtime/kernel/topology.hpp"

namespace gatio::harness {

std::string now_iso();  // with the offset to UTC
std::string kernel_release();
// As /proc/cpuinfo calls it; "unknown" where it does not.
std::string cpu_model();
// The value of "model name" in such a text; empty when there is none.
std::string cpu_model_in(const std::string& cpuinfo);

// "numa:1 core:2 pu:1 (cpus 0,1; 1 L3)"; counts without a pattern for a machine that is uneven.
std::string describe_topology(const Topology& topology);

// Of the source at the time of the build; a changed tree ends in "-dirty".
std::string build_revision();
// As CMake calls it, with the sanitizers: "RelWithDebInfo", "Debug", "RelWithDebInfo (thread)".
std::string build_type();
// What Google Benchmark's tools know: "release" or "debug". Sanitized counts as debug.
std::string library_build_type(std::string_view build_type);

// FNV-1a, 64 bits: enough to tell two builds apart. Empty when the file cannot be read.
std::string file_hash(const std::string& path);

// Every absolute path in the sentence becomes its last part.
std::string without_folders(std::string_view sentence);

}  // namespace gatio::harness
