// Checks a log with golang.org/x/mod/sumdb/note and tlog alone, which know nothing of socai:
// the checkpoint's signature, the tree rebuilt from the tiles, the tree rebuilt from the entries,
// and the proofs that the API gives.
//
//	main URL VKEY INDEX OLD
//
// URL is the API's base, VKEY the log's Ed25519 key, INDEX a record to be proven, OLD the size of an
// earlier tree. Prints one JSON object; exit status 1 where anything does not hold.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of a C2SP tile: 256 hashes wide

// served reads what the API serves.
type served struct{ url string }

func (s served) get(path string) []byte {
	answer, err := http.Get(s.url + path)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s: %s", path, answer.Status, body)
	}
	return body
}

// c2sp is the path of a tile by C2SP tlog-tiles: that of tlog without the height, and `entries`.
func c2sp(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "/logs/acts/tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// Height, ReadTiles and SaveTiles make it a tlog.TileReader.
func (s served) Height() int { return height }

func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		data = append(data, s.get(c2sp(tile)))
	}
	return data, nil
}

func (s served) SaveTiles([]tlog.Tile, [][]byte) {}

// entries reads every entry of the tree, 256 to a bundle.
func (s served) entries(size int64) [][]byte {
	var all [][]byte
	for start := int64(0); start < size; start += 1 << height {
		width := int(min(size-start, 1<<height))
		bundle := s.get(c2sp(tlog.Tile{H: height, L: -1, N: start >> height, W: width}))
		for len(bundle) >= 2 {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			all = append(all, bundle[2:end])
			bundle = bundle[end:]
		}
	}
	return all
}

type proof struct {
	Size   int64
	Hashes []string
}

func (s served) proof(path string) (int64, []tlog.Hash) {
	var told proof
	check(json.Unmarshal(s.get(path), &told))
	var hashes []tlog.Hash
	for _, text := range told.Hashes {
		hashes = append(hashes, parseHash(text))
	}
	return told.Size, hashes
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: main URL VKEY INDEX OLD")
	}
	from, vkey := served{os.Args[1]}, os.Args[2]
	index, old := number(os.Args[3]), number(os.Args[4])

	verifier, err := note.NewVerifier(vkey)
	check(err)
	signed := from.get("/logs/acts/checkpoint")
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	tree := tlog.Tree{N: number(lines[1]), Hash: parseHash(lines[2])}

	// One changed letter, and the note is nobody's.
	forged := strings.Replace(string(signed), lines[1]+"\n", lines[1]+"0\n", 1)
	if _, err := note.Open([]byte(forged), note.VerifierList(verifier)); err == nil {
		log.Fatal("a changed checkpoint opens")
	}

	// The tree, out of the tiles: every tile read is held against the signed root by tlog itself.
	tiles := tlog.TileHashReader(tree, from)
	root, err := tlog.TreeHash(tree.N, tiles)
	check(err)
	same("root from tiles", root, tree.Hash)

	// The tree, out of the entries, hash by hash.
	var stored hashes
	entries := from.entries(tree.N)
	for n, entry := range entries {
		fresh, err := tlog.StoredHashes(int64(n), entry, stored)
		check(err)
		stored = append(stored, fresh...)
	}
	root, err = tlog.TreeHash(int64(len(entries)), stored)
	check(err)
	same("root from entries", root, tree.Hash)

	// The proofs of the API, and tlog's own out of the tiles.
	leaf := tlog.RecordHash(entries[index])
	size, inclusion := from.proof(fmt.Sprintf("/v1/log/proof/inclusion?index=%d&size=%d", index, tree.N))
	if size != tree.N {
		log.Fatalf("a proof for size %d was asked for, %d came", tree.N, size)
	}
	check(tlog.CheckRecord(inclusion, tree.N, tree.Hash, index, leaf))
	own, err := tlog.ProveRecord(tree.N, index, tiles)
	check(err)
	check(tlog.CheckRecord(own, tree.N, tree.Hash, index, leaf))
	before, err := tlog.TreeHash(old, stored)
	check(err)
	_, consistency := from.proof(fmt.Sprintf("/v1/log/proof/consistency?from=%d&to=%d", old, tree.N))
	check(tlog.CheckTree(consistency, tree.N, tree.Hash, old, before))
	if tlog.CheckRecord(inclusion, tree.N, tree.Hash, index+1, leaf) == nil {
		log.Fatal("the record is proven at another index too")
	}

	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"origin":     lines[0],
		"size":       tree.N,
		"root":       tree.Hash.String(),
		"entries":    len(entries),
		"index":      index,
		"unverified": len(opened.UnverifiedSigs),
	}))
}

// hashes in the order of tlog's own store.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, h[index])
	}
	return found, nil
}

func parseHash(text string) tlog.Hash {
	var hash tlog.Hash
	data, err := base64.StdEncoding.DecodeString(text)
	check(err)
	if copy(hash[:], data) != len(data) || len(data) != tlog.HashSize {
		log.Fatalf("not a hash: %s", text)
	}
	return hash
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return value
}

func same(what string, got, want tlog.Hash) {
	if got != want {
		log.Fatalf("%s is %s, signed is %s", what, got, want)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
