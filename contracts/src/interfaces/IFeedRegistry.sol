// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IFeedRegistry
/// @notice Feeds and the publishers that sign their observations. An observation's header is EIP-712 data in the domain
/// `("Dodona FeedRegistry", "1", chainid, this)`.
/// @dev WARNING: a publisher is trusted for what it signs. Bonds and slashing of equivocation are not in this form.
interface IFeedRegistry {
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
    /// @param owner may rotate and revoke publishers.
    /// @param schemaHash keccak256 of the canonical schema bytes (docs/protocol.md).
    /// @param length values in an observation.
    /// @param period seconds between observations, at least 1.
    /// @param epoch current publisher set, from 1; 0 means that the feed does not exist.
    struct Feed {
        address owner;
        uint32 length;
        uint64 period;
        uint32 epoch;
        bytes32 schemaHash;
    }

    event FeedCreated(bytes32 indexed feedId, address indexed owner, bytes32 schemaHash, uint32 length, uint64 period);
    /// @notice A set of publishers begins. Headers of the set before it stay good for `observedAt <= previousUntil`.
    event PublisherSet(bytes32 indexed feedId, uint32 indexed epoch, address[] publishers, uint64 previousUntil);
    /// @notice Nothing that `publisher` signed for this feed, in any epoch, is accepted from now on.
    event PublisherRevoked(bytes32 indexed feedId, address indexed publisher);

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

    /// @notice Creates a feed that the caller owns.
    /// @param schemaHash not 0.
    /// @param length 1..2^16 values.
    /// @param period seconds, at least 1.
    /// @param publishers the set of epoch 1: 1..32 distinct non-zero addresses.
    /// @param salt tells feeds of one owner and schema apart.
    /// @return feedId keccak256(abi.encode(owner, schemaHash, length, period, salt))
    function createFeed(bytes32 schemaHash, uint32 length, uint64 period, address[] calldata publishers, bytes32 salt)
        external
        returns (bytes32 feedId);

    /// @notice Feed owner: starts the next publisher set.
    /// @param overlap seconds from now during which observations of the set before it are still good (by `observedAt`).
    function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch);

    /// @notice Feed owner: refuses all that `publisher` signed for this feed. Cannot be undone.
    function revoke(bytes32 feedId, address publisher) external;

    /// @notice The signer of `header`; reverts with a reason if anything about it is wrong at this block: unknown feed,
    /// epoch, signature form, signer, revocation, `observedAt != seq * period`, the future beyond `MAX_SKEW`,
    /// `validUntil < observedAt`, a commitment `>= r`. Freshness is the caller's matter.
    /// @param signature 65 bytes `r ‖ s ‖ v`, low `s`, `v` 27 or 28.
    function verify(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher);

    /// @notice EIP-712 digest that a publisher signs.
    function digestOf(ObservationHeader calldata header) external view returns (bytes32);

    function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @notice The feed; reverts with `FeedUnknown`.
    function feedOf(bytes32 feedId) external view returns (Feed memory);

    /// @notice `uint256(schemaHash) >> 8`: the schema as a field element, first message word of every commitment.
    function schemaField(bytes32 feedId) external view returns (uint256);

    /// @notice True if `publisher` is in set `epoch` and not revoked. Says nothing about the epoch being accepted now.
    function isPublisher(bytes32 feedId, uint32 epoch, address publisher) external view returns (bool);

    /// @notice Seconds by which `observedAt` may be ahead of the block's clock.
    function MAX_SKEW() external view returns (uint64);

    function domainSeparator() external view returns (bytes32);
}
