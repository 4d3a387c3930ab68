// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPublisherBonds} from "./IPublisherBonds.sol";

/// @title IFeedRegistry
/// @notice Feeds and the publishers that sign their observations. An observation's header is EIP-712 data in the domain
/// `("Dodona FeedRegistry", "1", chainid, this)`.
///
/// Who can do what (there is no owner of the registry):
/// - a feed's owner starts publisher sets and revokes publishers. At worst it ends the feed, or puts its own publishers
///   into the next set: whoever uses a feed trusts its owner to choose publishers. It cannot sign for a publisher,
///   touch a bond, nor change schema, length, period or least bond, which are in the feed's id;
/// - a publisher signs, and takes its bond out (IPublisherBonds). At worst it signs what is false;
/// - anyone adds to bonds and reports equivocations.
/// @dev WARNING: a publisher is trusted for what it signs; its bond answers for equivocation only.
interface IFeedRegistry is IPublisherBonds {
    /// @notice What a publisher signs, once, for every model.
    /// @param feedId the feed.
    /// @param setEpoch publisher set that the signer belongs to, from 1.
    /// @param seq number of the observation; `observedAt = seq * period`.
    /// @param commitment Poseidon commitment to the tensor, `< r`.
    /// @param observedAt when, in seconds since 1970.
    /// @param validUntil last second for which the publisher stands by it.
    struct ObservationHeader {
        bytes32 feedId;
        uint32 setEpoch;
        uint64 seq;
        uint256 commitment;
        uint64 observedAt;
        uint64 validUntil;
    }

    /// @notice A feed.
    /// @dev The order is that of storage: all that `verify` needs shares one slot.
    /// @param owner may rotate and revoke publishers.
    /// @param length values in an observation.
    /// @param minBond wei that must stand behind a publisher for its headers to be accepted; 0: none.
    /// @param period seconds between observations, at least 1.
    /// @param previousUntil last `observedAt` for which the set before the current one is good; 0 if there was none.
    /// @param epoch current publisher set, from 1; 0 means that the feed does not exist.
    /// @param schemaHash keccak256 of the canonical schema bytes (docs/protocol.md).
    struct Feed {
        address owner;
        uint32 length;
        uint96 minBond;
        uint64 period;
        uint64 previousUntil;
        uint32 epoch;
        bytes32 schemaHash;
    }

    event FeedCreated(
        bytes32 indexed feedId, address indexed owner, bytes32 schemaHash, uint32 length, uint64 period, uint96 minBond
    );
    /// @notice A set of publishers begins. Headers of the set before it stay good for `observedAt <= previousUntil`.
    event PublisherSet(bytes32 indexed feedId, uint32 indexed epoch, address[] publishers, uint64 previousUntil);
    /// @notice Nothing that `publisher` signed for this feed, in any epoch, is accepted from now on.
    event PublisherRevoked(bytes32 indexed feedId, address indexed publisher);
    /// @notice `publisher` signed two headers of one number, with these digests. `Slashed` and, unless it was revoked
    /// before, `PublisherRevoked` come with it.
    event EquivocationProved(
        bytes32 indexed feedId,
        address indexed publisher,
        uint32 setEpoch,
        uint64 seq,
        bytes32 digestA,
        bytes32 digestB,
        address reporter
    );

    error FeedExists(bytes32 feedId);
    error FeedUnknown(bytes32 feedId);
    error NotFeedOwner(address expected, address got);
    error BadFeed(string field, uint256 got);
    error DuplicatePublisher(address publisher);
    error BadSignatureLength(uint256 expected, uint256 got);
    /// @notice `v` is neither 27 nor 28.
    error BadSignatureV(uint8 got);
    /// @notice `s` is in the upper half of the order.
    error BadSignatureS(bytes32 got);
    /// @notice The signature recovers to nobody.
    error BadSignature();
    /// @notice The signer is not in the header's publisher set.
    error NotPublisher(bytes32 feedId, uint32 setEpoch, address signer);
    error PublisherIsRevoked(bytes32 feedId, address publisher);
    /// @notice The header's set is neither the current one nor the one before it within its overlap.
    error EpochNotAccepted(bytes32 feedId, uint32 current, uint32 got);
    error ObservedAtMismatch(uint256 expected, uint256 got);
    error ObservedInFuture(uint256 latest, uint256 got);
    error ValidityBeforeObservation(uint256 observedAt, uint256 validUntil);
    error CommitmentNotInField(uint256 got);
    /// @notice A rotation's overlap is longer than `MAX_OVERLAP`.
    error OverlapTooLong(uint256 most, uint256 got);
    /// @notice The two headers are not of one feed, publisher set and number, so that both may be right.
    error NotOneSlot(string field);
    /// @notice Both headers are the same; signatures alone do not make them different.
    error SameHeader(bytes32 digest);
    error SignersDiffer(address signerA, address signerB);
    error EvidenceTooOld(uint256 until, uint256 timestamp);
    /// @notice This publisher has lost its bond for this feed already.
    error AlreadySlashed(bytes32 feedId, address publisher);

    /// @notice Creates a feed that the caller owns.
    /// @param schemaHash not 0.
    /// @param length 1..2^16 values.
    /// @param period seconds, at least 1.
    /// @param minBond wei that must be bonded for a publisher, for ever; 0: publishers need no bond.
    /// @param publishers the set of epoch 1: 1..32 distinct non-zero addresses.
    /// @param salt tells feeds of one owner and schema apart.
    /// @return feedId keccak256(abi.encode(owner, schemaHash, length, period, minBond, salt))
    function createFeed(
        bytes32 schemaHash,
        uint32 length,
        uint64 period,
        uint96 minBond,
        address[] calldata publishers,
        bytes32 salt
    ) external returns (bytes32 feedId);

    /// @notice Feed owner: starts the next publisher set.
    /// @param overlap seconds from now during which observations of the set before it are still good (by `observedAt`),
    /// at most `MAX_OVERLAP`. Those made until then stay good as long as no further set is started.
    /// WARNING: a publisher in both sets may sign one number once for each of them until then; that is no equivocation.
    function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch);

    /// @notice Feed owner: refuses all that `publisher` signed for this feed. Cannot be undone. Its bond stays its own:
    /// it can unbond, and can be slashed for what it signed, as before. Revoking twice is refused.
    function revoke(bytes32 feedId, address publisher) external;

    /// @notice The signer of `header`; reverts with a reason if anything about it is wrong at this block: unknown feed,
    /// epoch, signature form, signer, revocation, a bond below `minBond`, `observedAt != seq * period`, the future
    /// beyond `MAX_SKEW`, `validUntil < observedAt`, a commitment `>= r`. Freshness is the caller's matter: WARNING, an
    /// observation older than `EVIDENCE_WINDOW` has no bond behind it any more.
    /// @param signature 65 bytes `r ‖ s ‖ v`, low `s`, `v` 27 or 28.
    function verify(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher);

    /// @notice The signer of a header that passed `verify` at an earlier block: signature, membership of the header's
    /// set and revocation are checked, and nothing else, so that a rotation, or a bond taken out since, does not unmake
    /// what was fixed then.
    function recheck(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher);

    /// @notice Anyone: proves that one publisher signed two different headers for one `(feedId, setEpoch, seq)`,
    /// whatever else is in them (they may differ in `validUntil` alone, or be such as `verify` refuses), within
    /// `EVIDENCE_WINDOW` of `seq * period`; numbers of the future can be reported too. The publisher is revoked for the
    /// feed and loses all of its bond there, what is unbonding included: `BURNED_BPS` is burned, the rest becomes the
    /// caller's reward, to be pulled. A publisher without a bond is revoked all the same. Once for each publisher.
    /// @dev WARNING: the evidence is public once it is in a public pool, and whoever is first in the block gets the
    /// reward. What the publisher loses is the same.
    /// @return publisher who signed both
    /// @return reward wei credited to the caller
    function reportEquivocation(
        ObservationHeader calldata headerA,
        bytes calldata signatureA,
        ObservationHeader calldata headerB,
        bytes calldata signatureB
    ) external returns (address publisher, uint256 reward);

    /// @notice EIP-712 digest that a publisher signs.
    function digestOf(ObservationHeader calldata header) external view returns (bytes32);

    function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, uint96 minBond, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @notice The feed; reverts with `FeedUnknown`.
    function feedOf(bytes32 feedId) external view returns (Feed memory);

    /// @notice `uint256(schemaHash) >> 8`: the schema as a field element, first message word of every commitment.
    function schemaField(bytes32 feedId) external view returns (uint256);

    /// @notice True if `publisher` is in set `epoch` and not revoked. Says nothing about the epoch being accepted now.
    /// Nor about its bond.
    function isPublisher(bytes32 feedId, uint32 epoch, address publisher) external view returns (bool);

    /// @notice Seconds by which `observedAt` may be ahead of the block's clock.
    function MAX_SKEW() external view returns (uint64);

    /// @notice Greatest overlap of a rotation, seconds.
    function MAX_OVERLAP() external view returns (uint64);

    function domainSeparator() external view returns (bytes32);
}
