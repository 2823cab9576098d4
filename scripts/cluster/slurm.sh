#!/bin/bash
# Workers of one run under Slurm, a task each: sbatch scripts/cluster/slurm.sh --batch_size=64
# With GPUs, a task for each: sbatch --gpus-per-task=1 scripts/cluster/slurm.sh
# Slurm says to each task which it is; no TF_CONFIG is needed. A job that Slurm stops in time saves
# its state, ends with status 75, and is put in the queue again.
#SBATCH --job-name=gan_tf
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
status=0
# srun does not take the cores from the job since Slurm 22.05.
srun --kill-on-bad-exit=0 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" python -m gan_tf.train --start_timeout=300 "$@" || status=$?
if [ "$status" = 75 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
