#include "runtime/kernel/topology.hpp"

#include <errno.h>
#include <hwloc.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace gatio {
namespace {

struct Destroy {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using HwlocTopology = std::unique_ptr<hwloc_topology, Destroy>;
using Bitmap = std::unique_ptr<hwloc_bitmap_s, Destroy>;

constexpr unsigned kLocalDistance = 10;   // what the firmware's table and numactl -H call local
constexpr unsigned kRemoteDistance = 20;  // what Linux assumes where the firmware says nothing

Result<HwlocTopology> create(const std::string& description) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0)
    return fail(errno, "hwloc cannot start: " + std::string(strerrordesc_np(errno)));
  HwlocTopology topology(raw);
  if (description == "this") return topology;
  bool xml = description.ends_with(".xml");
  if (xml && access(description.c_str(), R_OK) != 0)
    return fail(errno,
                "topology file '" + description + "' cannot be read: " + strerrordesc_np(errno));
  int set = xml ? hwloc_topology_set_xml(raw, description.c_str())
                : hwloc_topology_set_synthetic(raw, description.c_str());
  if (set == 0) return topology;
  return fail(EINVAL, xml ? "topology file '" + description + "' is no XML that lstopo writes"
                          : "topology '" + description +
                                "' is not \"this\", nor an .xml file, nor a description such as "
                                "\"numa:2 core:4 pu:2\"");
}

// The CPUs that this process's threads may run on: hwloc knows of the cgroup, and this of taskset
// as well.
Bitmap allowed_cpus() {
  Bitmap allowed(hwloc_bitmap_alloc());
  for (unsigned cpus = 1024; cpus <= 1u << 20;
       cpus *= 2) {  // EINVAL: the kernel's mask is longer than ours
    cpu_set_t* set = CPU_ALLOC(cpus);
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    CPU_ZERO_S(bytes, set);
    int rc = sched_getaffinity(0, bytes, set);
    for (unsigned cpu = 0; rc == 0 && cpu < cpus; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, set)) hwloc_bitmap_set(allowed.get(), cpu);
    CPU_FREE(set);
    if (rc == 0) return allowed;
  }
  hwloc_bitmap_fill(allowed.get());
  return allowed;
}

// The operating system's numbers of the PUs under `object` that are in `allowed`, ascending.
std::vector<unsigned> pus_of(hwloc_obj_t object, hwloc_const_bitmap_t allowed) {
  std::vector<unsigned> pus;
  for (int pu = hwloc_bitmap_first(object->cpuset); pu >= 0;
       pu = hwloc_bitmap_next(object->cpuset, pu))
    if (hwloc_bitmap_isset(allowed, pu)) pus.push_back(static_cast<unsigned>(pu));
  return pus;
}

// Which cores share a last-level cache. Where no L3 is known of, those of one package count as
// sharing one. A logical index is unique in the machine among the objects of its type.
unsigned l3_of(hwloc_topology_t topology, hwloc_obj_t core) {
  if (hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_L3CACHE) > 0)
    for (hwloc_obj_t up = core->parent; up; up = up->parent)
      if (up->type == HWLOC_OBJ_L3CACHE) return up->logical_index;
  hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, core);
  // Numbers after those of real caches, so that a core outside every cache shares with none of
  // them.
  unsigned caches =
      static_cast<unsigned>(std::max(0, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_L3CACHE)));
  return caches + (package ? package->logical_index : 0);
}

void add_core(Node& node, hwloc_topology_t topology, hwloc_obj_t object,
              hwloc_const_bitmap_t allowed) {
  Core core;
  core.index = static_cast<unsigned>(node.cores.size());
  core.l3 = l3_of(topology, object);
  core.pus = pus_of(object, allowed);
  if (!core.pus.empty()) node.cores.push_back(std::move(core));
}

Node node_of(hwloc_topology_t topology, hwloc_obj_t object, hwloc_bitmap_t unclaimed,
             hwloc_const_bitmap_t allowed) {
  Node node;
  node.os_index = object->os_index;
  node.memory_bytes = object->attr->numanode.local_memory;
  // A core belongs to the first node that has it: where a node of slow memory lies beside one of
  // fast memory, both list the same CPUs, and the second one becomes a node with memory only.
  Bitmap mine(hwloc_bitmap_alloc());
  hwloc_bitmap_and(mine.get(), object->cpuset, unclaimed);
  hwloc_bitmap_andnot(unclaimed, unclaimed, mine.get());
  // Where nobody says what a core is (some virtual machines), each PU is one.
  bool cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) > 0;
  hwloc_obj_type_t type = cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  for (hwloc_obj_t core = nullptr; (core = hwloc_get_next_obj_by_type(topology, type, core));)
    if (hwloc_bitmap_intersects(core->cpuset, mine.get())) add_core(node, topology, core, allowed);
  return node;
}

std::vector<std::vector<unsigned>> distances_of(hwloc_topology_t topology,
                                                const std::vector<hwloc_obj_t>& nodes) {
  std::vector<std::vector<unsigned>> result(nodes.size(),
                                            std::vector<unsigned>(nodes.size(), kRemoteDistance));
  for (size_t i = 0; i < nodes.size(); ++i) result[i][i] = kLocalDistance;
  unsigned count = 1;
  hwloc_distances_s* found = nullptr;
  int rc = hwloc_distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &count, &found,
                                       HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
  if (rc != 0 || count == 0) return result;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (size_t j = 0; j < nodes.size(); ++j) {
      hwloc_uint64_t there = 0, back = 0;
      if (hwloc_distances_obj_pair_values(found, nodes[i], nodes[j], &there, &back) == 0)
        result[i][j] = static_cast<unsigned>(there);
    }
  }
  hwloc_distances_release(topology, found);
  return result;
}

Result<Topology> read(hwloc_topology_t topology, const std::string& source,
                      hwloc_const_bitmap_t allowed) {
  std::vector<hwloc_obj_t> objects;
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node));)
    objects.push_back(node);
  Topology result;
  result.source = source;
  Bitmap unclaimed(hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(topology)));
  for (hwloc_obj_t object : objects)
    result.nodes.push_back(node_of(topology, object, unclaimed.get(), allowed));
  result.distances = distances_of(topology, objects);
  if (result.core_count() == 0)
    return fail(EINVAL, "topology '" + source + "' has no core that this process may use");
  return result;
}

}  // namespace

unsigned Topology::core_count() const {
  size_t count = 0;
  for (const Node& node : nodes) count += node.cores.size();
  return static_cast<unsigned>(count);
}

unsigned Topology::pu_count() const {
  size_t count = 0;
  for (const Node& node : nodes)
    for (const Core& core : node.cores) count += core.pus.size();
  return static_cast<unsigned>(count);
}

Result<Topology> this_machine() {
  return load_topology("this");
}

Result<Topology> load_topology(const std::string& description) {
  auto topology = create(description);
  if (!topology) return std::unexpected(topology.error());
  hwloc_topology_t raw = topology->get();
  // Without a flag hwloc leaves out what the cgroup forbids; a file's or a synthetic machine is
  // whole.
  if (hwloc_topology_load(raw) != 0)
    return fail(EINVAL,
                "topology '" + description + "' cannot be loaded: " + strerrordesc_np(errno));
  Bitmap allowed(hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(raw)));
  if (description == "this") hwloc_bitmap_and(allowed.get(), allowed.get(), allowed_cpus().get());
  return read(raw, description, allowed.get());
}

}  // namespace gatio
