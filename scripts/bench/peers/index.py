"""Index words by file: index.py PROCESSES FOLDER."""

import os
import sys
from collections import defaultdict
from multiprocessing import Pool

BATCH = 500  # files

# Letters fold to lower case, every other byte becomes a space: faster than a regular expression.
FOLD = bytes(b | 32 if chr(b).isalpha() and b < 128 else 32 for b in range(256))


def find_files(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)


def index_batch(batch):
    """The words of some numbered files: word -> numbers, ascending."""
    index = defaultdict(list)
    for number, path in batch:
        with open(path, "rb") as file:
            for word in set(file.read().translate(FOLD).split()):
                index[word].append(number)
    return index


def index_files(processes, paths):
    numbered = list(enumerate(paths))
    if processes == 1:
        return index_batch(numbered)
    index = defaultdict(list)
    batches = [numbered[i : i + BATCH] for i in range(0, len(numbered), BATCH)]
    with Pool(processes) as pool:
        for part in pool.imap(index_batch, batches):  # in order, so that no list needs sorting
            for word, numbers in part.items():
                index[word] += numbers
    return index


if __name__ == "__main__":
    paths = find_files(sys.argv[2])
    index = index_files(int(sys.argv[1]), paths)
    for word in sorted(index):
        print(word.decode(), " ".join([paths[number] for number in index[word]]), sep="\t")
