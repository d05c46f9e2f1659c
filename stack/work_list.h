// Work for the end of the pass: first-in first-out lists of control blocks, linked through an index member. A block is on
// a list at most once, which a flag of the block says.
#pragma once

#include "stack/context.h"

namespace tributary {

template <typename T>
void push_work(Slab<T>& slab, WorkList& list, uint32_t T::*link, T& object) {
  object.*link = WorkList::kEnd;
  const uint32_t index = slab.index(object);
  if (list.tail == WorkList::kEnd) list.head = index;
  else slab.at(list.tail).*link = index;
  list.tail = index;
}

template <typename T>
T* pop_work(Slab<T>& slab, WorkList& list, uint32_t T::*link) {
  if (list.head == WorkList::kEnd) return nullptr;
  T& object = slab.at(list.head);
  list.head = object.*link;
  if (list.head == WorkList::kEnd) list.tail = WorkList::kEnd;
  return &object;
}

}  // namespace tributary
