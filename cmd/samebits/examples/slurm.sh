#!/bin/sh
#SBATCH --job-name=samebits
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#
# Clusters one file in shards, an array job for each pass over the data. Start it
# where sbatch is, with a folder that all nodes see:
#
#   FILE=points.npy K=64 SHARDS=7 DIR=run ./slurm.sh
#
# Stopped at any moment and started again, it goes on with the pass it was in.
# The result has the bits of one machine's run. OPTIONS are further flags of
# samebits cluster, the same for every pass.
set -eu
: "${FILE:?the data}" "${K:?the number of clusters}" "${SHARDS:=7}" "${DIR:=run}" "${OPTIONS:=--init k-means||}"
export FILE K SHARDS DIR OPTIONS
mkdir -p "$DIR"

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then # one shard of one pass
	# shellcheck disable=SC2086
	exec samebits cluster "$FILE" --k "$K" $OPTIONS --quiet --step --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" \
		--state "$DIR/state" --part "$DIR/$SLURM_ARRAY_TASK_ID.part"
fi

while :; do
	if [ -e "$DIR/merge.json" ] && grep -q '"done":true' "$DIR/merge.json"; then
		break
	fi
	${SBATCH:-sbatch} --wait --array="1-$SHARDS" "$0"
	parts=
	shard=1
	while [ "$shard" -le "$SHARDS" ]; do
		parts="$parts $DIR/$shard.part"
		shard=$((shard + 1))
	done
	# shellcheck disable=SC2086
	samebits merge $parts --state "$DIR/state" --labels-out "$DIR/labels.npy" --centroids-out "$DIR/centroids.npy" \
		--quiet --json >"$DIR/merge.tmp"
	mv "$DIR/merge.tmp" "$DIR/merge.json"
done
cat "$DIR/merge.json"
